use super::*;
use crate::image::dct::projection::Span;
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
#[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "both sum up whole numbers")]
fn rows_are_resized_alike() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut pairs = |count: usize, most: i16| -> Vec<Pair> {
        (0..count).map(|_| std::array::from_fn(|_| random.i16(-most..=most))).collect()
    };
    let (blocks, mut weights) = (pairs(40, 8000), pairs(60, 2000));
    // The last coefficient is not used.
    for weights in &mut weights {
        weights[2 * KEPT - 2..].fill(0);
    }
    let spans =
        [(0, 0, 1), (0, 1, 40), (39, 41, 1), (7, 42, 9), (20, 51, 0), (30, 51, 9), (0, 0, 2), (1, 3, 4), (5, 2, 7)];
    let spans = spans.map(|(first, at, count)| Span { first, at, count }).to_vec();
    let grid = Grid { weights: weights.clone(), spans, scale: 0.25, ..Grid::default() };
    let [scalar, fast] = both().map(|kernels| {
        let mut outputs: [Vec<Lanes>; FREQUENCIES] = std::array::from_fn(|_| vec![[1.0; 8]; 2]);
        kernels.resize_row(&blocks, &grid, &mut outputs);
        std::array::from_fn::<_, 9, _>(|output| outputs.each_ref().map(|row| row.as_flattened()[output]))
    });
    assert_eq!(scalar, fast);
    assert_eq!(scalar[4], [0.0; FREQUENCIES]);
    let product = |place: usize| i32::from(blocks[39][place]) * i32::from(weights[41][place]);
    // The coefficients of each frequency along the column (T.81, figure A.6).
    let places: [&[usize]; FREQUENCIES] = [&[0, 1, 5, 6, 14], &[2, 4, 7, 13], &[3, 8, 12], &[9, 11], &[10]];
    let sum = |places: &[usize]| {
        places.iter().map(|place| product(2 * place) + product(2 * place + 1)).sum::<i32>() as f32 / 4.0
    };
    assert_eq!(scalar[2], places.map(sum));
}

#[test]
fn columns_are_resized_alike() {
    let mut random = fastrand::Rng::with_seed(8);
    let mut pairs = |count: usize, most: i16| -> Vec<Pair> {
        (0..count).map(|_| std::array::from_fn(|_| random.i16(-most..=most))).collect()
    };
    // Four lines are kept, of 21 pairs each. The span begins with the last of them and goes on with the first.
    let (pairs, mut weights) = (pairs(4 * 21, 8000), pairs(5, 2000));
    for weights in &mut weights {
        weights[2 * KEPT - 2..].fill(0);
    }
    let spans = vec![Span { first: 7, at: 2, count: 3 }];
    let grid = Grid { columns_first: true, weights: weights.clone(), spans, scale: 1.0, ..Grid::default() };
    let lines = Lines { pairs: &pairs, across: 21 };
    for (column, step, count) in [(0, 1, 21), (1, 2, 10), (3, 4, 5)] {
        let [scalar, fast] = both().map(|kernels| {
            let mut blocks: [Vec<Lanes>; FREQUENCIES] = std::array::from_fn(|_| vec![[0.0; 8]; 3]);
            kernels.resize_columns(&lines, &grid, 0, (column, step), &mut blocks);
            blocks.map(|row| row.as_flattened()[..count].to_vec())
        });
        assert_eq!(scalar, fast);
        // The highest frequency along the row has one coefficient (T.81, figure A.6).
        let product = |line: usize, weights: &Pair, place: usize| {
            i32::from(pairs[line * 21 + column + step][place]) * i32::from(weights[place])
        };
        let both = |line, weights| product(line, weights, 28) + product(line, weights, 29);
        let expected: i32 = [3, 0, 1].into_iter().zip(&weights[2..]).map(|(line, weights)| both(line, weights)).sum();
        assert!((f64::from(scalar[4][1]) - f64::from(expected)).abs() < 16.0, "{} for {expected}", scalar[4][1]);
    }
}

#[test]
fn blocks_are_paired_alike() {
    for count in [1, 2, 7] {
        let blocks: Vec<[i16; KEPT]> = (0..count)
            .map(|block: i16| std::array::from_fn(|index| block * 100 + i16::try_from(index).unwrap()))
            .collect();
        let [scalar, fast] = both().map(|kernels| {
            let mut pairs = vec![[0; 2 * KEPT]; blocks.len().div_ceil(2)];
            kernels.pair([&blocks, &blocks[1..]], 2, &mut pairs);
            pairs
        });
        assert_eq!(scalar, fast);
        assert_eq!(scalar[0][..4], [0, if count > 1 { 100 } else { 0 }, 1, if count > 1 { 101 } else { 1 }]);
    }
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
