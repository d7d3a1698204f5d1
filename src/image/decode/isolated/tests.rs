//! Children that end, hang or say nonsense: shell scripts in place of the executable.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::*;
use crate::image::decode::limits::Limits;

const LIMITS: Limits = Limits { max_pixels: 100, max_bytes: 1 << 20, resize_bytes: 0, copies: 1 };

/// The program, and the folder that holds it.
fn program(script: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decoder");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    (folder, path)
}

fn decode(isolated: &mut Isolated, file: &[u8], stop: &Stop) -> Result<(Picture, Vec<u8>), Error> {
    let mut pixels = Vec::new();
    let picture = isolated.decode(&Source { file, limits: LIMITS, stop }, &mut pixels)?;
    Ok((picture, pixels))
}

/// A script that says that it runs and answers with these numbers and `pixels`.
fn answering(numbers: [u64; 4], pixels: &str) -> String {
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
    let octal = bytes.map(|byte| format!("\\{byte:03o}")).collect::<Vec<_>>().concat();
    format!("echo; printf '{octal}{pixels}'; exec cat >/dev/null")
}

#[test]
fn a_picture_comes_with_its_pixels() {
    let (_folder, path) = program(&answering([0, 2, 1, 1], "abcdef"));
    let (picture, pixels) = decode(&mut Isolated::new(path), b"a file", &Stop::never()).unwrap();
    assert_eq!((picture.size.width, picture.size.height, picture.orientation.transpose), (2, 1, true));
    assert_eq!(pixels, b"abcdef");
}

#[test]
fn a_child_that_ends_or_lies_costs_its_picture_alone() {
    let too_large = answering([0, 1000, 1000, 0], "");
    for script in [
        "echo; exit 1",
        "echo; kill -ABRT $$",
        "echo; echo 'what is no answer, but is longer than one is'; cat",
        &too_large,
    ] {
        let (_folder, path) = program(script);
        let before = failures::failures();
        let decoded = decode(&mut Isolated::new(path), &vec![7; 100_000], &Stop::never());
        assert_eq!(decoded, Err(Error::DamagedImage), "{script}");
        assert!(failures::failures() > before, "{script}");
    }
}

#[test]
fn a_child_that_hangs_is_ended_with_the_work() {
    for script in ["exec sleep 60", "echo; cat >/dev/null; exec sleep 60"] {
        let (_folder, path) = program(script);
        let begun = Instant::now();
        let stop = Stop::at(begun + Duration::from_millis(200));
        let decoded = decode(&mut Isolated::new(path), &vec![7; 1_000_000], &stop);
        assert_eq!(decoded, Err(Error::DeadlineExceeded), "{script}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{script}");
    }
}

#[test]
fn a_program_that_is_not_there_is_an_internal_error() {
    let decoded = decode(&mut Isolated::new("/nowhere/glimpse".into()), b"", &Stop::never());
    assert_eq!(decoded, Err(Error::Internal));
}

#[test]
fn a_child_that_ends_before_it_is_confined_is_an_internal_error() {
    let (_folder, path) = program("exit 1");
    assert_eq!(decode(&mut Isolated::new(path), b"a file", &Stop::never()), Err(Error::Internal));
}
