//! Compiles the functions that call libjpeg-turbo's own interface, which the `turbojpeg` crate links but does not show.

fn main() {
    println!("cargo::rerun-if-changed=targets/coefficients.c");
    let folders = std::env::var("DEP_TURBOJPEG_INCLUDE").expect("turbojpeg-sys states its headers");
    cc::Build::new().file("targets/coefficients.c").includes(folders.split(',')).compile("coefficients");
}
