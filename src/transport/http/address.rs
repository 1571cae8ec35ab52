//! Parses the endpoint and the proxy strictly: anything that a browser would repair, or send to another host, is an error.
//!
//! In: the user's text. Out: a [`Url`] that means the same.
//!
//! - AD1: the URL has the host, port and path that the text has.
//! - AD2: no error repeats the text, because it may contain a key. Only the scheme is shown, cut short; the rest of the problem is
//!   described.

use crate::build_error::BuildError;
use crate::encode::printable;
use crate::limits::ENDPOINT_CHARS_MAX;
use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr};

/// The parts of a text with a scheme, unchanged.
struct AddressParts<'a> {
    scheme: &'a str,
    user_info: Option<&'a str>,
    host: &'a str,
    port: Option<&'a str>,
    /// Path, query and fragment.
    rest: &'a str,
}

pub(super) fn endpoint(text: &str) -> Result<Url, BuildError> {
    let wrong = |why: String| BuildError::Endpoint(why);
    let parts = split(text).map_err(wrong)?;
    match parts.scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" if cfg!(feature = "https") => {}
        "https" => return Err(BuildError::HttpsMissing),
        other => return Err(wrong(format!("the scheme is {:?}, not http or https", printable(other, 20)))),
    }
    check_authority(&parts).map_err(wrong)?;
    check_rest(parts.rest).map_err(wrong)?;
    parse(text, &parts).map_err(wrong)
}

/// A proxy's URL; `http://` may be omitted.
pub(super) fn proxy(text: &str) -> Result<Url, BuildError> {
    let wrong = |why: String| BuildError::invalid("proxy", why, "give a URL like http://host:port");
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let parts = split(&whole).map_err(|why| wrong(format!("is not a usable URL ({why})")))?;
    match parts.scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" if cfg!(feature = "https") => {}
        "https" => return Err(BuildError::HttpsMissing),
        other => {
            return Err(wrong(format!(
                "has the scheme {:?}: only http and https proxies are supported, no socks",
                printable(other, 20)
            )));
        }
    }
    check_authority(&parts).map_err(|why| wrong(format!("is not a usable URL ({why})")))?;
    if !matches!(parts.rest, "" | "/") {
        return Err(wrong("has a path, a query or a fragment, which a proxy does not use".to_owned()));
    }
    parse(&whole, &parts).map_err(|why| wrong(format!("is not a usable URL ({why})")))
}

fn split(text: &str) -> Result<AddressParts<'_>, String> {
    let says = |why: &str| Err(why.to_owned());
    if text.is_empty() {
        return says("it is empty");
    }
    if text.chars().count() > ENDPOINT_CHARS_MAX {
        return Err(format!("it is longer than {ENDPOINT_CHARS_MAX} characters"));
    }
    if text.trim_matches(|c: char| c.is_whitespace() || c.is_control()) != text {
        return says("it begins or ends with a blank or a control character: remove it");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return says("there is a blank or a control character in it: remove it, or write %20 for a blank");
    }
    if text.contains('\\') {
        return says("there is a backslash in it: write /");
    }
    let Some((scheme, behind)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
        return if begins("http:") || begins("https:") {
            says("there is no // after the scheme: write it as http:// or https://")
        } else {
            says("the scheme is missing: put https:// in front")
        };
    };
    let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at(end);
    let (user_info, place) = match authority.rsplit_once('@') {
        Some((user_info, place)) => (Some(user_info), place),
        None => (None, authority),
    };
    // The colon after an IPv6 address, not those inside it.
    let colon = place.rfind(':').filter(|&colon| !place[colon..].contains(']'));
    let (host, port) = match colon {
        Some(colon) => (&place[..colon], Some(&place[colon + 1..])),
        None => (place, None),
    };
    Ok(AddressParts { scheme, user_info, host, port, rest })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn check_authority(parts: &AddressParts<'_>) -> Result<(), String> {
    let says = |why: &str| Err(why.to_owned());
    match parts.user_info {
        Some("" | ":") => return says("the user before the @ is empty: name one, or remove the @"),
        Some(user_info) if user_info.contains('@') => {
            return says("there is more than one @ before the host: write %40 in a name or a password");
        }
        _ => {}
    }
    if parts.host.is_empty() {
        return says("there is no host");
    }
    let is_address = parts.host.starts_with('[') && parts.host.ends_with(']');
    let in_a_name = |c: char| {
        // The rules for international names may drop or replace other characters.
        if c.is_ascii() { c.is_ascii_alphanumeric() || "-._".contains(c) } else { c.is_alphanumeric() }
    };
    if !is_address && !parts.host.chars().all(in_a_name) {
        return says("the host has characters that a host name cannot have");
    }
    match parts.port {
        None => Ok(()),
        Some("") => says("the port after the colon is empty: write a number, or remove the colon"),
        Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) => says("the port is not a number"),
        Some(port) => match port.parse::<u16>() {
            Ok(0) | Err(_) => says("the port is not one of 1 to 65535"),
            Ok(_) => Ok(()),
        },
    }
}

fn check_rest(rest: &str) -> Result<(), String> {
    if rest.contains('#') {
        return Err(
            "it has a fragment (#...), which is never sent: remove it, or write %23 for a #".to_owned()
        );
    }
    let path = rest.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("the path has a . or .. in it: write the path you mean".to_owned());
    }
    Ok(())
}

/// The URL, if it means exactly what was written.
fn parse(text: &str, parts: &AddressParts<'_>) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err("there is no host".to_owned());
    };
    // A browser reads 127.1, 0x7f.0.0.1 and 2130706433 as addresses.
    if host.parse::<Ipv4Addr>().is_ok() && host != parts.host {
        return Err("the host is an unusual form of an address: write four numbers with dots".to_owned());
    }
    // Characters that a URL may contain and a request line may not.
    let on_the_line = |byte: u8| byte.is_ascii_graphic() && !b"<>\"`".contains(&byte);
    let target = [url.path(), url.query().unwrap_or_default()];
    if !target.iter().all(|part| part.bytes().all(on_the_line)) {
        return Err("it has characters that a request cannot carry: write them as %..".to_owned());
    }
    Ok(url)
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
