use super::*;
use crate::image::dct::tests::{Kind, Segment, Subsampling, drawn, put_together, taken_apart};

const DHT: u8 = marker::HUFFMAN;
const DQT: u8 = marker::QUANTISATION;
const SOF: u8 = marker::BASELINE;
const SOS: u8 = marker::SCAN;
const APP0: u8 = marker::JFIF;
const APP14: u8 = marker::ADOBE;

/// The segments of a file of 37 x 29 pixels, after a change.
fn changed(subsampling: Subsampling, change: impl FnOnce(&mut Vec<Segment>)) -> Vec<u8> {
    let (mut segments, data) = taken_apart(&Kind::new(subsampling).encode(&drawn(37, 29), 37));
    change(&mut segments);
    put_together(&segments, &data)
}

/// The content of the first segment with this marker.
fn content(segments: &mut [Segment], marker: u8) -> &mut Vec<u8> {
    &mut segments.iter_mut().find(|segment| segment.0 == marker).unwrap().1
}

fn refused(why: &str, change: impl FnOnce(&mut Vec<Segment>)) {
    assert!(read(&changed(Subsampling::Both, change)).is_err(), "{why}");
}

fn accepted(why: &str, change: impl FnOnce(&mut Vec<Segment>)) {
    assert!(read(&changed(Subsampling::Both, change)).is_ok(), "{why}");
}

#[test]
fn a_usual_file_is_read() {
    for (subsampling, sampling) in Subsampling::ALL.into_iter().zip([(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 1)]) {
        let file = changed(subsampling, |_| {});
        let head = read(&file).map_err(|_| subsampling).unwrap();
        assert_eq!(head.size, Size { width: 37, height: 29 });
        assert_eq!(head.components.len(), if subsampling == Subsampling::Gray { 1 } else { 3 });
        assert_eq!((head.components[0].across, head.components[0].down), sampling);
        assert!(head.components[1..].iter().all(|component| (component.across, component.down) == (1, 1)));
        assert_eq!((head.restart_interval, head.data), (0, &taken_apart(&file).1[..]));
    }
    let file = changed(Subsampling::Both, |segments| segments.insert(0, (marker::RESTART, vec![1, 2])));
    assert_eq!(read(&file).map(|head| head.restart_interval), Ok(0x102));
}

#[test]
fn other_processes_are_refused() {
    for kind in (0xc2..=0xcf).filter(|kind| *kind != DHT) {
        refused("progressive, lossless or arithmetic", |segments| {
            segments.iter_mut().find(|segment| segment.0 == SOF).unwrap().0 = kind;
        });
    }
    accepted("extended, 8 bits", |segments| segments.iter_mut().find(|segment| segment.0 == SOF).unwrap().0 = 0xc1);
    refused("12 bits", |segments| content(segments, SOF)[0] = 12);
    refused("part of the coefficients", |segments| *content(segments, SOS).iter_mut().rev().nth(1).unwrap() = 62);
    refused("part of the bits", |segments| *content(segments, SOS).last_mut().unwrap() = 1);
    refused("one component of three", |segments| *content(segments, SOS) = vec![1, 1, 0, 0, 63, 0]);
    refused("another order", |segments| content(segments, SOS).swap(1, 3));
}

#[test]
fn frames_that_are_unusual_are_refused() {
    refused("height to be stated behind the scan", |segments| content(segments, SOF)[1..3].fill(0));
    refused("no width", |segments| content(segments, SOF)[3..5].fill(0));
    refused("a second frame", |segments| {
        let frame = content(segments, SOF).clone();
        segments.insert(1, (SOF, frame));
    });
    refused("no frame", |segments| segments.retain(|segment| segment.0 != SOF));
    refused("a component too many", |segments| content(segments, SOF)[5] = 4);
    refused("a byte too many", |segments| content(segments, SOF).push(0));
    refused("a byte too few", |segments| content(segments, SOF).truncate(14));
    refused("four components", |segments| {
        let frame = content(segments, SOF);
        frame[5] = 4;
        frame.extend([4, 0x11, 0]);
        *content(segments, SOS) = vec![4, 1, 0, 2, 0x11, 3, 0x11, 4, 0x11, 0, 63, 0];
    });
    refused("two components", |segments| {
        let frame = content(segments, SOF);
        frame[5] = 2;
        frame.truncate(12);
        *content(segments, SOS) = vec![2, 1, 0, 2, 0x11, 0, 63, 0];
    });
}

#[test]
fn samplings_that_are_unusual_are_refused() {
    for factors in [0x00, 0x01, 0x10, 0x13, 0x31, 0x14, 0x24, 0x42, 0x44, 0x33, 0x51, 0xf1] {
        refused("sampling of Y", |segments| content(segments, SOF)[7] = factors);
    }
    for factors in [0x00, 0x12, 0x21, 0x22] {
        refused("sampling of Cb", |segments| content(segments, SOF)[10] = factors);
        refused("sampling of Cr", |segments| content(segments, SOF)[13] = factors);
    }
    for (factors, is_known) in [(0x11, true), (0x22, true), (0x41, true), (0x01, false), (0x50, false)] {
        let file = changed(Subsampling::Gray, |segments| content(segments, SOF)[7] = factors);
        // Its MCUs have one block all the same.
        assert_eq!(read(&file).map(|head| head.components[0].across).ok(), is_known.then_some(1), "{factors:#x}");
    }
}

#[test]
fn colours_are_ycc_by_the_rules_of_libjpeg() {
    let adobe = |transform: u8| (APP14, [&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat());
    let without_jfif = |segments: &mut Vec<Segment>| segments.retain(|segment| segment.0 != APP0);
    let renamed = |segments: &mut Vec<Segment>, ids: [u8; 3]| {
        for (place, id) in ids.into_iter().enumerate() {
            content(segments, SOF)[6 + 3 * place] = id;
            content(segments, SOS)[1 + 2 * place] = id;
        }
    };
    accepted("ids from 1 on", without_jfif);
    accepted("JFIF", |segments| renamed(segments, *b"RGB"));
    refused("RGB", |segments| (without_jfif(segments), renamed(segments, *b"RGB")).0);
    refused("other ids", |segments| (without_jfif(segments), renamed(segments, [0, 1, 2])).0);
    refused("RGB by Adobe", |segments| (without_jfif(segments), segments.insert(0, adobe(0))).0);
    refused("RGB by Adobe beside JFIF", |segments| segments.insert(0, adobe(0)));
    refused("YCCK by Adobe", |segments| segments.insert(0, adobe(2)));
    accepted("YCbCr by Adobe", |segments| {
        without_jfif(segments);
        renamed(segments, [7, 8, 9]);
        segments.insert(0, adobe(1));
    });
    refused("a JFIF segment that is too short for libjpeg", |segments| {
        content(segments, APP0).truncate(13);
        renamed(segments, [7, 8, 9]);
    });
    refused("an Adobe segment that is too short for libjpeg", |segments| {
        without_jfif(segments);
        renamed(segments, [7, 8, 9]);
        segments.insert(0, (APP14, b"Adobe\0\x64\0\0\0\0".to_vec()));
    });
}

#[test]
fn tables_that_are_missing_or_damaged_are_refused() {
    for number in [0x00, 0x01, 0x10, 0x11] {
        refused("no code", |segments| segments.retain(|segment| segment.0 != DHT || segment.1[0] != number));
        refused("a code whose number is too high", |segments| {
            segments.iter_mut().find(|segment| segment.0 == DHT && segment.1[0] == number).unwrap().1[0] |= 4;
        });
    }
    refused("a class of codes that does not exist", |segments| content(segments, DHT)[0] = 0x20);
    refused("a symbol too few", |segments| content(segments, DHT).truncate(28));
    refused("a symbol too many", |segments| content(segments, DHT).push(0));
    refused("a code that ends within its counts", |segments| content(segments, DHT).truncate(16));
    refused("two codes of one bit", |segments| *content(segments, DHT) = [&[0, 2][..], &[0; 15], &[0, 1]].concat());
    refused("more codes than fit", |segments| *content(segments, DHT) = [&[0, 3][..], &[0; 15], &[0, 1, 2]].concat());
    refused("no steps", |segments| segments.retain(|segment| segment.0 != DQT));
    refused("steps of 16 bits", |segments| content(segments, DQT)[0] = 0x10);
    refused("steps whose number is too high", |segments| content(segments, DQT)[0] = 4);
    refused("a step too few", |segments| content(segments, DQT).truncate(64));
    refused("a step of 0", |segments| content(segments, DQT)[64] = 0);
    refused("steps that no table has", |segments| content(segments, SOF)[8] = 3);
    refused("codes that no table has", |segments| content(segments, SOS)[2] = 0x20);
    refused("a code whose number is out of range", |segments| content(segments, SOS)[2] = 0xf0);
    accepted("all tables in one segment", |segments| {
        let tables: Vec<u8> =
            segments.iter().filter(|segment| segment.0 == DHT).flat_map(|segment| segment.1.clone()).collect();
        segments.retain(|segment| segment.0 != DHT);
        segments.insert(2, (DHT, tables));
    });
}

#[test]
fn segments_that_are_unusual_are_refused() {
    refused("a restart interval of one byte", |segments| segments.insert(0, (marker::RESTART, vec![1])));
    refused("a restart interval of three bytes", |segments| segments.insert(0, (marker::RESTART, vec![0, 1, 2])));
    refused("a scan of no components", |segments| *content(segments, SOS) = vec![0, 0, 63, 0]);
    refused("a scan's header that is too long", |segments| content(segments, SOS).push(0));
    refused("an empty scan's header", |segments| content(segments, SOS).clear());
    for kind in [0x00, 0x01, 0xcc, 0xd0, 0xd8, 0xd9, 0xdc, 0xde, 0xdf, 0xf0, 0xff] {
        refused("an unknown segment", |segments| segments.insert(1, (kind, vec![0; 8])));
    }
    for kind in (0xe0..=0xef).chain([0xfe]) {
        accepted("an application's data, or a comment", |segments| segments.insert(1, (kind, b"\xff\xda".to_vec())));
    }
}

#[test]
fn a_file_that_is_cut_or_begins_otherwise_is_refused() {
    let file = changed(Subsampling::Both, |_| {});
    let head = file.len() - read(&file).map(|head| head.data.len()).unwrap();
    for end in 0..head {
        assert!(read(&file[..end]).is_err(), "cut at {end}");
    }
    assert!(read(&file[..head]).is_ok());
    assert!(read(&[&[0xff, 0xd8, 0xff], &file[2..]].concat()).is_err(), "a byte to fill up");
    assert!(read(&[&[0xff, 0xd8, 0], &file[2..]].concat()).is_err(), "a stray byte");
    assert!(read(&[&[0xff, 0xd8, 0xff, 0xe0, 0, 1], &file[2..]].concat()).is_err(), "a length of 1");
    assert!(read(&file[2..]).is_err(), "no start");
}
