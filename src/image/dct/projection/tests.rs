use super::*;
use crate::image::preprocess::{Goal, Plan};
use crate::image::{Filter, Orientation, Picture, Size, Window};

const UPSAMPLINGS: [Upsampling; 3] = [Upsampling::None, Upsampling::Triangle, Upsampling::Repeat];

/// Calls `check` with the weights of a resize of `pixels` pixels a row to `outputs`, and what they become.
fn projected(pixels: u32, outputs: u32, window: Window, check: impl Fn(&Weights, Upsampling, &Projection)) {
    let goal = Goal { target: Size { width: outputs, height: outputs }, window, filter: Filter::Bicubic };
    for value in [1, 2] {
        let picture = Picture {
            size: Size { width: pixels, height: pixels + 9 },
            reduction: 1,
            orientation: Orientation::from_exif(value),
        };
        let mut plan = Plan::default();
        let resize = plan.set(goal, picture).unwrap();
        for upsampling in UPSAMPLINGS {
            let mut projection = Projection::default();
            // What is left of another picture is not to be seen.
            projection.set(resize.column, Upsampling::None, pixels as usize + 9).unwrap();
            projection.set(resize.row, upsampling, pixels as usize).unwrap();
            check(resize.row, upsampling, &projection);
        }
    }
}

const SHAPES: [(u32, u32, Window); 5] = [
    (128, 16, Window::Stretch),
    (131, 9, Window::Stretch),
    (201, 11, Window::CentreCrop { shorter_side: 14 }),
    (200, 3, Window::CropToAspect),
    (57, 7, Window::Stretch),
];

#[test]
fn the_weights_of_the_mean_sum_up_to_one() {
    for (pixels, outputs, window) in SHAPES {
        projected(pixels, outputs, window, |_, upsampling, projection| {
            assert_eq!(projection.spans.len(), outputs as usize);
            for span in &projection.spans {
                let sum: f32 = projection.weights[span.at..][..span.count].iter().map(|weights| weights[0]).sum();
                assert!((sum * 8_f32.sqrt() - 1.0).abs() < 1e-4, "{pixels} to {outputs}, {upsampling:?}: {sum}");
            }
        });
    }
}

/// The pixels of a row of samples, as libjpeg makes them.
fn upsampled(samples: &[f64], upsampling: Upsampling) -> Vec<f64> {
    let at =
        |index: Option<usize>, other: f64| index.and_then(|index| samples.get(index)).map_or(other, |sample| *sample);
    let pixels = |(index, sample): (usize, &f64)| {
        let mix = |neighbour: f64| (3.0 * sample + neighbour) / 4.0;
        match upsampling {
            Upsampling::None => vec![*sample],
            Upsampling::Triangle => vec![mix(at(index.checked_sub(1), *sample)), mix(at(Some(index + 1), *sample))],
            Upsampling::Repeat => vec![*sample; 4],
        }
    };
    samples.iter().enumerate().flat_map(pixels).collect()
}

#[test]
fn a_cosine_is_resized_as_its_pixels_are() {
    for (pixels, outputs, window) in SHAPES {
        projected(pixels, outputs, window, |weights, upsampling, projection| {
            let samples = upsampling.samples(pixels as usize);
            for block in 0..samples.div_ceil(BLOCK) {
                for (frequency, cosine) in cosines().iter().enumerate() {
                    let mut row = vec![0.0; samples.next_multiple_of(BLOCK)];
                    row[block * BLOCK..][..BLOCK].copy_from_slice(cosine);
                    // Those behind the picture are no neighbours.
                    let row = upsampled(&row[..samples], upsampling);
                    for (output, taps) in weights.taps().enumerate() {
                        let products = taps.weights.iter().zip(&row[taps.start..]);
                        let direct: f64 = products.map(|(weight, pixel)| f64::from(*weight) * pixel).sum();
                        let direct = direct / f64::from(1 << PRECISION);
                        let found =
                            projection.weight(output, block).map_or(0.0, |weights| f64::from(weights[frequency]));
                        assert!(
                            (direct - found).abs() < 1e-6,
                            "{pixels} to {outputs}, {upsampling:?}: {direct} {found}"
                        );
                        let is_read = projection.outputs(block).contains(&output);
                        assert!(is_read || found == 0.0, "{pixels} to {outputs}, {upsampling:?}");
                    }
                }
            }
        });
    }
}
