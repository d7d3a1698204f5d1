use super::*;
use crate::image::dct::scalar::Scalar;

/// The implementation that this processor runs, which is to give what the portable one does.
fn both() -> [&'static dyn Kernels; 2] {
    [&Scalar, fastest()]
}

fn block(random: &mut fastrand::Rng, most: i16) -> [i16; ZIGZAG_LENGTH] {
    std::array::from_fn(|_| if random.u8(..4) > 0 { random.i16(-3..=3) } else { random.i16(-most..=most) })
}

#[test]
fn blocks_are_dequantised_alike() {
    let mut random = fastrand::Rng::with_seed(3);
    for most in [0, 5, 1023] {
        let blocks: [_; 24] = std::array::from_fn(|_| block(&mut random, most));
        let steps: [[i16; ZIGZAG_LENGTH]; 24] = std::array::from_fn(|_| std::array::from_fn(|_| random.i16(1..=255)));
        let steps = steps.each_ref();
        let chunk = Chunk::of(&blocks);
        let [scalar, fast] = both().map(|kernels| {
            let mut values = [Dequantised::default(); 24];
            kernels.dequantise(&chunk, &steps, &mut values);
            let energies = std::array::from_fn::<_, 24, _>(|index| kernels.energy(chunk.block(index), steps[index]));
            (values.map(|value| (value.deviation, value.kept)), energies)
        });
        assert_eq!(scalar, fast);
        let (values, energies) = scalar;
        for (((deviation, kept), energy), (block, steps)) in values.iter().zip(energies).zip(blocks.iter().zip(steps)) {
            let values: Vec<i32> =
                block.iter().zip(steps).map(|(value, step)| i32::from(*value) * i32::from(*step)).collect();
            assert_eq!(*deviation, values[1..].iter().map(|value| value.abs()).sum::<i32>());
            // Larger ones are refused, as no picture has them.
            if *deviation <= crate::image::dct::block::MOST {
                assert_eq!(energy, values[1..].iter().map(|value| value * value).sum::<i32>());
                assert!(kept[1..].iter().zip(&values[1..]).all(|(kept, value)| i32::from(*kept) == *value));
            }
        }
    }
}

#[test]
fn rows_are_resized_alike() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut pairs = |count: usize, most: i16| -> Vec<Pair> {
        (0..count).map(|_| std::array::from_fn(|_| random.i16(-most..=most))).collect()
    };
    let (blocks, weights) = (pairs(40, 8000), pairs(60, 2000));
    let spans = [(0, 0, 1), (0, 1, 40), (39, 41, 1), (7, 42, 9), (20, 51, 0), (30, 51, 9)];
    let spans = spans.map(|(first, at, count)| Span { first, at, count });
    let [scalar, fast] = both().map(|kernels| {
        let mut totals = [[1; KEPT]; 6];
        kernels.resize_row(&blocks, &spans, &weights, &mut totals);
        totals
    });
    assert_eq!(scalar, fast);
    assert_eq!(scalar[4], [0; KEPT]);
    let sum = |place: usize| i32::from(blocks[39][place]) * i32::from(weights[41][place]);
    assert_eq!(scalar[2], std::array::from_fn(|place| sum(2 * place) + sum(2 * place + 1)));
}

#[test]
fn samples_and_their_changes_are_alike() {
    let mut random = fastrand::Rng::with_seed(6);
    let transform = Transform::default();
    let steps = [16; ZIGZAG_LENGTH];
    for _ in 0..50 {
        let blocks = [(); 3].map(|()| (block(&mut random, 60), random.i16(-900..=900)));
        let [scalar, fast] = both().map(|kernels| {
            let samples: [Samples; 3] =
                blocks.each_ref().map(|(block, dc)| kernels.samples(&transform, block, &steps, *dc));
            (samples, kernels.changes(&transform, &samples[0], &samples[1], &samples[2]))
        });
        assert_eq!(scalar, fast);
    }
}
