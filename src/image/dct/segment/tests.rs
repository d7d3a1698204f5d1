use super::*;

/// Takes all that is left of the segment, byte by byte, as the decoder does: chunk by chunk.
fn bytes(segment: &mut Segment<'_>, count: usize) -> Result<Vec<u8>, Doubt> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        segment.provide();
        let mut reader = segment.reader;
        for _ in 0..(count - bytes.len()).min(MOST_A_CHUNK - 8) {
            reader.fill(segment.window())?;
            bytes.push(reader.bits.to_be_bytes()[0]);
            reader.take(8);
        }
        segment.reader = reader;
        segment.check()?;
    }
    Ok(bytes)
}

fn stuffed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [*byte, 0].into_iter().take(1 + usize::from(*byte == 0xff))).collect()
}

fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| if random.u8(..8) == 0 { 0xff } else { random.u8(..) }).collect()
}

#[test]
fn stuffing_is_left_out() {
    for plain in [&b""[..], b"a", b"\xff", b"\xff\xff", b"\0\xff\0", b"\xff\0\0\xff", &random(200, 1)] {
        let data = [stuffed(plain), vec![0xff, 0xd9]].concat();
        let mut segment = Segment::new(&data);
        assert_eq!(bytes(&mut segment, plain.len()).as_deref(), Ok(plain));
        assert_eq!(segment.finish(0xd9), Ok(()));
        assert_eq!(segment.finish(0xd8), Err(Doubt));
    }
}

#[test]
fn data_of_several_windows_are_the_same_wherever_stuffing_lies() {
    for shift in 0..12 {
        // Each window's border comes within stuffing, once before and once behind its 0xff.
        let mut plain = vec![0x55; shift];
        plain.extend(vec![0xff; WINDOW / 2]);
        plain.extend(random(3 * WINDOW, shift as u64));
        let data = [stuffed(&plain), vec![0xff, 0xd9]].concat();
        let mut segment = Segment::new(&data);
        assert!(bytes(&mut segment, plain.len()).as_ref() == Ok(&plain), "{shift}");
        assert_eq!(segment.finish(0xd9), Ok(()), "{shift}");
    }
    // The data end where the window does, or a byte before or behind.
    for length in WINDOW - 2..=WINDOW + 2 {
        for last in [0x12, 0xff] {
            let plain = [vec![0x34; length - 1], vec![last]].concat();
            let data = [stuffed(&plain), vec![0xff, 0xd9]].concat();
            let mut segment = Segment::new(&data);
            assert!(bytes(&mut segment, plain.len()).as_ref() == Ok(&plain), "{length}");
            assert_eq!(segment.finish(0xd9), Ok(()), "{length}");
        }
    }
}

#[test]
fn bits_behind_the_end_are_refused() {
    for length in [0, 1, 7, 100, WINDOW - 1, WINDOW, WINDOW + 1] {
        let data = [vec![0x77; length], vec![0xff, 0xd9]].concat();
        assert!(bytes(&mut Segment::new(&data), length).is_ok(), "{length}");
        assert_eq!(bytes(&mut Segment::new(&data), length + 1), Err(Doubt), "{length}");
        let mut segment = Segment::new(&data);
        assert!(bytes(&mut segment, length).is_ok());
        segment.reader.fill(&segment.window[..]).unwrap();
        segment.reader.take(1);
        assert_eq!((segment.check(), segment.finish(0xd9)), (Err(Doubt), Err(Doubt)), "{length}");
    }
}

#[test]
fn a_whole_byte_that_is_left_is_refused() {
    for (left, is_accepted) in [(0, true), (1, true), (7, true), (8, false), (9, false), (16, false)] {
        let mut segment = Segment::new(b"\x12\x34\x56\xff\xd9");
        segment.reader.fill(&segment.window[..]).unwrap();
        segment.reader.take(24 - left);
        assert_eq!((segment.check(), segment.finish(0xd9).is_ok()), (Ok(()), is_accepted), "{left} bits");
    }
}

#[test]
fn restarts_come_in_order() {
    let data = |numbers: &[u8]| {
        let mut data = b"ab".to_vec();
        for number in numbers {
            data.extend([0xff, RESTARTS + number, b'c', 0xff, 0]);
        }
        data.extend([0xff, 0xd9]);
        data
    };
    let all: Vec<u8> = (0..20).map(|number| number % 8).collect();
    let file = data(&all);
    let mut segment = Segment::new(&file);
    assert_eq!(bytes(&mut segment, 2).as_deref(), Ok(&b"ab"[..]));
    for number in 0..20 {
        assert_eq!(segment.restart(number), Ok(()), "{number}");
        assert_eq!(bytes(&mut segment, 2).as_deref(), Ok(&b"c\xff"[..]), "{number}");
    }
    assert_eq!(segment.restart(20), Err(Doubt));
    assert_eq!(segment.finish(0xd9), Ok(()));
    for wrong in [&[1][..], &[0, 0], &[0, 2], &[0, 1, 7]] {
        let file = data(wrong);
        let mut segment = Segment::new(&file);
        let mut next = bytes(&mut segment, 2).map(drop);
        for number in 0..3 {
            next = next.and_then(|()| segment.restart(number)).and_then(|()| bytes(&mut segment, 2).map(drop));
        }
        assert_eq!(next, Err(Doubt), "{wrong:?}");
    }
}

#[test]
fn a_restart_before_or_behind_its_place_is_refused() {
    let mut segment = Segment::new(b"ab\xff\xd0c\xff\xd9");
    assert_eq!(bytes(&mut segment, 1).map(drop), Ok(()));
    assert_eq!(segment.restart(0), Err(Doubt), "a byte is left");
    assert_eq!(bytes(&mut segment, 2), Err(Doubt), "the marker is no data");
}

#[test]
fn a_segment_without_a_marker_behind_it_is_refused() {
    for data in [&b"ab"[..], b"ab\xff", b"ab\xff\xff\xd9", b"ab\xff\xd8", b"ab\xff\x01"] {
        let mut segment = Segment::new(data);
        assert_eq!(bytes(&mut segment, 2).as_deref(), Ok(&b"ab"[..]));
        assert_eq!(segment.finish(0xd9), Err(Doubt), "{}", data.escape_ascii());
    }
}
