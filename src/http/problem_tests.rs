//! The README's table of errors.

use super::*;
use crate::http::body::PICTURE_TYPES;
use crate::readme;

/// Declares `problems`, which returns a problem of every kind that a route answers with. The patterns stand in a `match`
/// without a wildcard: a new problem does not compile until it has a row here, with an example or with `None`.
macro_rules! problems {
    ($($pattern:pat => $example:expr,)*) => {
        fn problems() -> Vec<Problem> {
            let _is_exhaustive = |problem: &Problem| match problem { $($pattern => (),)* };
            let mut problems = Vec::new();
            $(if let Some(example) = $example.map(Problem::from) {
                assert!(matches!(example, $pattern), "{example:?}");
                problems.push(example);
            })*
            problems
        }
    };
}

/// What no route answers with.
const NEVER: Option<Problem> = None;

const fn field(fault: FieldFault) -> Malformed {
    Malformed::Field { name: "base64Image", fault }
}

problems! {
    Problem::Core(Error::Malformed(Malformed::NotJson { .. })) => Some(Malformed::NotJson { column: 1 }),
    Problem::Core(Error::Malformed(Malformed::NotAnObject)) => Some(Malformed::NotAnObject),
    Problem::Core(Error::Malformed(Malformed::Field { fault: FieldFault::Missing, .. })) => Some(field(FieldFault::Missing)),
    Problem::Core(Error::Malformed(Malformed::Field { fault: FieldFault::Null, .. })) => Some(field(FieldFault::Null)),
    Problem::Core(Error::Malformed(Malformed::Field { fault: FieldFault::Empty, .. })) => Some(field(FieldFault::Empty)),
    Problem::Core(Error::Malformed(Malformed::Field { fault: FieldFault::NotText, .. })) => Some(field(FieldFault::NotText)),
    Problem::Core(Error::Malformed(Malformed::Field { fault: FieldFault::NotBase64, .. })) => {
        Some(field(FieldFault::NotBase64))
    },
    Problem::Core(Error::Malformed(Malformed::Field { fault: FieldFault::NotAList, .. })) => {
        Some(Malformed::Field { name: "images", fault: FieldFault::NotAList })
    },
    Problem::Core(Error::Malformed(Malformed::NoPicture)) => Some(Malformed::NoPicture),
    Problem::Core(Error::Malformed(Malformed::NotBase64)) => Some(Malformed::NotBase64),
    Problem::Core(Error::Malformed(Malformed::NotAForm)) => Some(Malformed::NotAForm),
    Problem::Core(Error::Malformed(Malformed::TooManyParts { .. })) => Some(Malformed::TooManyParts { limit: 100 }),
    Problem::Core(Error::Malformed(Malformed::NoFile)) => Some(Malformed::NoFile),
    Problem::Core(Error::Malformed(Malformed::NotCompressed { .. })) => {
        Some(Malformed::NotCompressed { coding: "gzip" })
    },
    Problem::Core(Error::PayloadTooLarge { .. }) => Some(Error::PayloadTooLarge { limit: 20 << 20 }),
    Problem::Core(Error::NotAnImage) => Some(Error::NotAnImage),
    Problem::Core(Error::UnsupportedImage { .. }) => Some(Error::UnsupportedImage { kind: "JPEG 2000" }),
    Problem::Core(Error::DamagedImage) => Some(Error::DamagedImage),
    Problem::Core(Error::TooManyPixels { .. }) => {
        Some(Error::TooManyPixels { width: 13_000, height: 13_000, limit: 50_000_000 })
    },
    Problem::Core(Error::SideTooLong { .. }) => Some(Error::SideTooLong { width: 1, height: 100_000, limit: 65_535 }),
    Problem::Core(Error::TooCostly { .. }) => Some(Error::TooCostly { bytes: 800_000_000, limit: 640_000_000 }),
    // The Open Inference Protocol answers these in its own form.
    Problem::Core(Error::WrongShape { .. }) => NEVER,
    Problem::Core(Error::NotFinite) => NEVER,
    Problem::Core(Error::TooManyInputs { .. }) => Some(Error::TooManyInputs { limit: 32 }),
    Problem::Core(Error::Busy) => Some(Error::Busy),
    Problem::Core(Error::OutOfMemory) => Some(Error::OutOfMemory),
    Problem::Core(Error::DeadlineExceeded) => Some(Error::DeadlineExceeded),
    // Nobody is there to read it.
    Problem::Core(Error::ClientGone) => NEVER,
    Problem::Core(Error::Internal) => Some(Error::Internal),
    Problem::Body(BodyError::TooLarge { .. }) => Some(BodyError::TooLarge { limit: 20 << 20 }),
    Problem::Body(BodyError::NoRoom) => Some(BodyError::NoRoom),
    Problem::Body(BodyError::TooSlow) => Some(BodyError::TooSlow),
    Problem::Body(BodyError::Incomplete) => Some(BodyError::Incomplete),
    Problem::Body(BodyError::OutOfMemory) => Some(BodyError::OutOfMemory),
    // Streams of gRPC alone.
    Problem::Body(BodyError::Idle | BodyError::Ending) => NEVER,
    Problem::MediaType { .. } => Some(Problem::MediaType { expected: PICTURE_TYPES }),
    // The forms of other protocols.
    Problem::Protocol(_) | Problem::NoModel { .. } | Problem::NoService | Problem::Input { .. } => NEVER,
    Problem::Parameter { .. } => {
        Some(Problem::Parameter { name: "top_k", expected: "a whole number from 1 to 1000".into() })
    },
    Problem::Coding => Some(Problem::Coding),
    Problem::Unauthorized => Some(Problem::Unauthorized),
    Problem::TooManyRequests { .. } => Some(Problem::TooManyRequests { seconds: 1 }),
    Problem::TooManyWrongKeys { .. } => Some(Problem::TooManyWrongKeys { seconds: 1 }),
    Problem::NotFound => Some(Problem::NotFound),
    Problem::MethodNotAllowed => Some(Problem::MethodNotAllowed),
    Problem::Host => Some(Problem::Host),
}

#[test]
fn the_readme_has_every_error_and_no_other() {
    let written = readme::rows("Errors").into_iter().map(|row| (row[0].clone(), row[1].replace('`', "")));
    readme::assert_same(written, problems().iter().map(|it| (it.status().as_str().to_owned(), it.message())));
}
