//! Lays out the program that is released: see `running.ld`.

fn main() {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("running.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
}
