//! Lays out the program: see `running.ld`.

fn main() {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("running.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
}
