//! Whose code is whose, as a table.

use super::*;

fn owner_by(evidence: &ProgramEvidence, function: &str, file: &str) -> Owner {
    evidence.owner(SymbolInfo { function, file, binary: "" })
}

#[test]
fn a_frame_belongs_to_the_owner_of_its_file_or_else_of_its_name() {
    const JEMALLOC: &str = "/src/target/release/build/tikv-jemalloc-sys-0/out/build/src/jemalloc.c";
    let table = [
        ("alloc::raw_vec::finish_grow", "", Owner::Runtime),
        ("<alloc::vec::Vec<T> as std::io::Write>::write_all", "", Owner::Runtime),
        ("alloc::vec::Vec<T,A>::push", "/rustc/0123abc/library/alloc/src/vec/mod.rs", Owner::Runtime),
        (
            "push",
            "/home/me/.rustup/toolchains/x/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs",
            Owner::Runtime,
        ),
        ("__rust_alloc", "", Owner::Runtime),
        ("_rjem_je_prof_backtrace", "", Owner::Runtime),
        ("start_thread", "./nptl/pthread_create.c", Owner::Runtime),
        ("malloc", "", Owner::Runtime),
        ("clone3", "./misc/../sysdeps/unix/sysv/linux/x86_64/clone3.S", Owner::Runtime),
        ("imalloc", JEMALLOC, Owner::Runtime),
        ("ZSTD_compress", "/src/target/release/build/zstd-sys-0/out/zstd.c", Owner::Dependency),
        ("emit", "/src/client.rs", Owner::Own),
        (
            "serde_json::ser::to_vec",
            "/home/me/.cargo/registry/src/x/serde_json-1/src/ser.rs",
            Owner::Dependency,
        ),
        (
            "serde_json::ser::to_vec",
            "/usr/local/cargo/registry/src/index.x-6f17/serde_json-1.0.2/src/ser.rs",
            Owner::Dependency,
        ),
        ("a::f", "/root/.cargo/git/checkouts/a-0123456789abcdef/0123abc/src/lib.rs", Owner::Dependency),
        ("a::f", "/app/vendor/a/src/lib.rs", Owner::Dependency),
        ("a::f", "/usr/src/app/vendor/a-1.2.3/src/lib.rs", Owner::Dependency),
        ("tokio::runtime::task::poll", "", Owner::Dependency),
        ("service::client::Client::emit", "/src/client.rs", Owner::Own),
        ("service::client::Client::emit", "", Owner::Own),
        ("<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem", "", Owner::Runtime),
        ("<[u8] as alloc::borrow::ToOwned>::to_owned", "", Owner::Runtime),
        ("<u64 as service::Keep>::keep", "", Owner::Own),
        ("<service::Thing as alloc::borrow::ToOwned>::to_owned", "", Owner::Own),
        ("<service::Thing as core::ops::Drop>::drop", "src/lib.rs", Owner::Own),
        ("<&mut dyn service::Keep as core::ops::Drop>::drop", "", Owner::Own),
    ];
    for (function, file, owner) in table {
        assert_eq!(owner_by(&ProgramEvidence::default(), function, file), owner, "{function} in {file:?}");
    }
}

#[test]
fn no_part_of_a_path_or_a_name_turns_own_code_into_a_dependency() {
    let table = [
        ("shop::vendor::keep", "src/vendor/x.rs"),
        ("shop::vendor::keep", "/app/src/vendor/x.rs"),
        ("shop::vendor::list::keep", "/app/src/vendor/list/mod.rs"),
        ("shop::keep", "/home/me/shop-on-jemalloc/src/main.rs"),
        ("keep", "/home/me/shop-on-jemalloc/src/keep.c"),
        ("prof_server::keep", ""),
        ("prof_server::keep", "/src/main.rs"),
        ("stdx::keep", ""),
        ("alloc_tracker::keep", ""),
        ("runtime_config::keep", ""),
        ("shop::keep", "/usr/lib/shop/src/main.rs"),
        ("shop::keep", "/usr/local/lib/shop/src/main.rs"),
        ("shop::keep", "/usr/src/app/src/main.rs"),
        ("shop::keep", "/build/src/main.rs"),
        ("shop::keep", "/build/out/src/main.rs"),
        ("shop::keep", "/srv/registry/src/main.rs"),
        ("shop::keep", "/srv/registry/src/store/keep/main.rs"),
        ("shop::keep", "/srv/git/checkouts/shop/src/main.rs"),
        ("shop::nptl::keep", "/app/src/nptl/mod.rs"),
        ("shop::keep", "/home/me/rustc/src/main.rs"),
    ];
    for (function, file) in table {
        assert_eq!(
            owner_by(&ProgramEvidence::default(), function, file),
            Owner::Own,
            "{function} in {file:?}"
        );
    }
}

#[test]
fn the_crate_with_main_is_own_code_whatever_its_name() {
    let place = |function, file| SymbolInfo { function, file, binary: "/opt/moka" };
    let installed = "/root/.cargo/registry/src/x/shop-1.0.0/src/main.rs";
    let places = [place("tokio::main", ""), place("shop::main", installed), place("moka::keep", "")];
    let evidence = ProgramEvidence::of("/opt/moka", places.into_iter());
    for (function, file) in [("tokio::keep", ""), ("moka::keep", ""), ("shop::keep", installed)] {
        assert_eq!(owner_by(&evidence, function, file), Owner::Own, "{function}");
    }
    assert_eq!(owner_by(&evidence, "hyper::keep", ""), Owner::Dependency);
}

#[test]
fn go_packages_are_recognized_by_their_import_paths() {
    let table = [
        ("bytes.growSlice", "bytes/buffer.go", Owner::Runtime),
        ("io.ReadAll", "/opt/toolchains/go1.22/src/io/io.go", Owner::Runtime),
        ("encoding/json.Marshal", "encoding/json/encode.go", Owner::Runtime),
        ("net/http.(*conn).serve", "", Owner::Runtime),
        ("vendor/golang.org/x/net/http2/hpack.NewEncoder", "", Owner::Runtime),
        ("runtime.mallocgc", "/usr/local/go/src/runtime/malloc.go", Owner::Runtime),
        ("github.com/a/b.Do", "/go/pkg/mod/github.com/a/b@v1/do.go", Owner::Dependency),
        ("github.com/a/b.Do", "github.com/a/b@v1.2.3/do.go", Owner::Dependency),
        ("github.com/a/b.Do", "/app/vendor/github.com/a/b/do.go", Owner::Dependency),
        ("github.com/me/shop/cache.(*Cache).Put", "/app/cache/cache.go", Owner::Own),
        ("github.com/me/shop/vendor.Keep", "/app/vendor/keep.go", Owner::Own),
        ("shop/internal/cache.Put", "shop/internal/cache/cache.go", Owner::Own),
        ("main.(*Cache).Put", "/src/cache.go", Owner::Own),
        ("main.main.func1", "./main.go", Owner::Own),
        ("bytesize.Keep", "bytesize/keep.go", Owner::Own),
        ("main.Keep[go.shape.int]", "", Owner::Own),
    ];
    let evidence = ProgramEvidence { has_go: true, ..ProgramEvidence::default() };
    for (function, file, owner) in table {
        assert_eq!(owner_by(&evidence, function, file), owner, "{function} in {file:?}");
    }
}

#[test]
fn a_frame_without_a_name_is_never_own_code() {
    let evidence =
        ProgramEvidence { program: "/usr/lib/shop/shop.so".to_owned(), ..ProgramEvidence::default() };
    let table = [
        ("/opt/service", Owner::Unknown),
        ("/usr/lib/shop/shop.so", Owner::Unknown),
        ("/usr/lib/shop/server", Owner::Unknown),
        ("", Owner::Unknown),
        ("/lib/x86_64-linux-gnu/libc.so.6", Owner::Runtime),
        ("[vdso]", Owner::Runtime),
        ("/opt/service/libfast.so", Owner::Dependency),
    ];
    for (binary, owner) in table {
        assert_eq!(evidence.owner_of_unnamed(binary), owner, "{binary}");
    }
}

#[test]
fn in_a_c_program_the_code_of_its_own_file_is_own_code() {
    let evidence = ProgramEvidence { program: "/opt/server".to_owned(), ..ProgramEvidence::default() };
    let owner = |function, binary| evidence.owner(SymbolInfo { function, file: "", binary });
    assert_eq!(owner("keep", "/opt/server"), Owner::Own);
    assert_eq!(owner("prof_report", "/opt/server"), Owner::Own);
    assert_eq!(owner("malloc", "/opt/server"), Owner::Runtime);
    assert_eq!(owner("g_malloc", "/usr/lib/libglib-2.0.so.0"), Owner::Runtime);
    assert_eq!(owner("shop::Cache::put(int)", "/opt/server"), Owner::Own);
    assert_eq!(owner("std::vector<int>::push_back(int const&)", "/opt/server"), Owner::Runtime);
}
