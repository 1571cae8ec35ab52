//! The resource, as described by OpenTelemetry's variables.

use std::ffi::OsString;

const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// Names and values, or what is wrong: a text that repeats no value.
pub(in crate::config) fn attributes(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<(String, String)>, String> {
    let value = |name: &str| match variable(name).map(OsString::into_string) {
        Some(Ok(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Some(Err(_)) => Err(format!("{name} takes UTF-8")),
        None => Ok(None),
    };
    let wrong = || format!("{ATTRIBUTES} takes key=value,key=value, percent-encoded, no key twice");
    let mut attributes = Vec::<(String, String)>::new();
    // A trailing comma does no harm.
    for pair in
        value(ATTRIBUTES)?.iter().flat_map(|text| text.split(',')).filter(|pair| !pair.trim().is_empty())
    {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let name = decoded(name.trim()).filter(|name| !name.is_empty()).ok_or_else(wrong)?;
        let value = decoded(value.trim()).ok_or_else(wrong)?;
        if attributes.iter().any(|(earlier, _)| *earlier == name) {
            return Err(wrong());
        }
        attributes.push((name, value));
    }
    if let Some(service) = value(SERVICE_NAME)? {
        attributes.retain(|(name, _)| name != "service.name");
        attributes.insert(0, ("service.name".to_owned(), service));
    }
    Ok(attributes)
}

/// Decodes `%20` and the like; `None` if it is malformed, or the result is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn of(attributes: Option<&str>, service: Option<&str>) -> Result<Vec<(String, String)>, String> {
        super::attributes(|name| match name {
            ATTRIBUTES => attributes.map(OsString::from),
            SERVICE_NAME => service.map(OsString::from),
            _ => None,
        })
    }

    #[test]
    fn the_resource_is_read_as_opentelemetry_writes_it_and_the_service_name_takes_precedence() {
        let pairs = |found: &[(&str, &str)]| {
            Ok(found.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(of(None, None), pairs(&[]));
        assert_eq!(of(Some(""), Some(" ")), pairs(&[]));
        assert_eq!(of(None, Some("orders")), pairs(&[("service.name", "orders")]));
        assert_eq!(
            of(Some("service.name=old, host.name = a%2Cb ,team=caf%C3%A9%20x,empty=,"), Some("orders")),
            pairs(&[
                ("service.name", "orders"),
                ("host.name", "a,b"),
                ("team", "caf\u{e9} x"),
                ("empty", "")
            ])
        );
        assert_eq!(of(Some("a=b=c"), None), pairs(&[("a", "b=c")]));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_names_the_variable_and_repeats_no_value() {
        for odd in [
            "secret",
            "=secret",
            "a=secret%",
            "a=secret%4",
            "a=secret%zz",
            "a=secret%+1",
            "a=%ff",
            "a=1,a=2",
            "a=1,%61=2",
        ] {
            let error = of(Some(odd), Some("orders")).unwrap_err();
            assert!(
                error.starts_with("OTEL_RESOURCE_ATTRIBUTES takes") && !error.contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_value_that_is_not_unicode_is_an_error() {
        use std::os::unix::ffi::OsStringExt;
        let odd = |_: &str| Some(OsString::from_vec(b"orders\xff".to_vec()));
        assert!(super::attributes(odd).unwrap_err().contains("UTF-8"));
    }
}
