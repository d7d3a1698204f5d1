//! Why requests are refused: the values of the label `reason` of the metrics that count refusals.

/// Declares an enum, the list of its variants, and the label of each.
macro_rules! reasons {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The value of the label.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }
    };
}

reasons! {
    /// Why a request was refused before its picture was looked at.
    Rejection {
        /// The queue or the memory for bodies is full.
        Busy = "busy",
        /// The system has no memory.
        NoMemory = "no_memory",
        /// The analysis took too long.
        Deadline = "deadline",
        /// The body has too many bytes, as it comes or inflated.
        BodyTooLarge = "body_too_large",
        /// The body came too slowly.
        BodyTooSlow = "body_too_slow",
        /// The picture has too many pixels, or too many in a row or column.
        TooManyPixels = "too_many_pixels",
        /// Decoding the picture would take too much memory.
        TooCostly = "too_costly",
        /// A key is missing or wrong.
        Unauthorized = "unauthorized",
        /// The client has sent too many wrong keys.
        WrongKeys = "wrong_keys",
        /// The client asks too often.
        RateLimited = "rate_limited",
    }
}

reasons! {
    /// Why hyper refused what should have been a request.
    Refusal {
        /// HTTP/1: the head is malformed; answered 400.
        MalformedHead = "malformed_head",
        /// HTTP/1: the head is larger, or has more fields, than is allowed; answered 431 or 414.
        HeadTooLarge = "head_too_large",
        /// HTTP/2: a protocol error; answered with GOAWAY or `RST_STREAM`.
        Http2 = "http2",
    }
}
