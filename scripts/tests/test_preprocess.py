"""The pixels of a model's input, held against the functions of Pillow, TensorFlow and Keras that they stand for."""

import numpy
import pytest
from PIL import Image

from export import common, preprocess
from export.common import Failure
from export.convert import load_keras
from export.describe import Description, upright

SIZE = (48, 32)
PICTURES = ("coffee.jpg", "rocket.jpg", "chelsea_phone.jpg")


def description(**fields):
    return Description("Test", "1", "a test", "CC0-1.0", *SIZE, 0.0, 1.0, **fields)


@pytest.fixture(scope="module")
def keras():
    return load_keras()


@pytest.mark.parametrize("name", PICTURES[:2])
@pytest.mark.parametrize("kernel", preprocess.PILLOW)
@pytest.mark.parametrize("window", [preprocess.STRETCH, preprocess.CROP_TO_ASPECT])
@pytest.mark.parametrize("colours", [preprocess.RGB, preprocess.GRAY])
def test_pillows_kernels_are_those_of_load_img(keras, name, kernel, window, colours):
    mode = "grayscale" if colours == preprocess.GRAY else "rgb"
    # load_img does not turn pictures upright, and these are.
    theirs = keras.utils.load_img(
        common.PICTURES / name, mode, SIZE[::-1], interpolation=kernel, keep_aspect_ratio=window == preprocess.CROP_TO_ASPECT
    )
    ours = description(kernel=kernel, window=window, colours=colours).pixels(common.PICTURES / name)
    assert ours.shape == (*SIZE[::-1], preprocess.CHANNELS[colours]) and ours.dtype == numpy.float32
    assert numpy.array_equal(ours, keras.utils.img_to_array(theirs))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("kernel", preprocess.TENSORFLOW)
def test_tensorflows_kernels_are_those_of_image_dataset_from_directory(keras, tmp_path, name, kernel):
    (tmp_path / "class").mkdir()
    upright(common.PICTURES / name).save(tmp_path / "class" / "picture.png")
    for window in (preprocess.STRETCH, preprocess.CROP_TO_ASPECT):
        ((theirs,),) = keras.utils.image_dataset_from_directory(
            tmp_path, labels=None, image_size=SIZE[::-1], batch_size=1, verbose=False,
            interpolation=kernel.removeprefix("tensorflow-"), crop_to_aspect_ratio=window == preprocess.CROP_TO_ASPECT,
        )  # fmt: skip
        ours = description(kernel=kernel, window=window).pixels(common.PICTURES / name)
        assert numpy.array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("whole", [(1, 1), (1, 500), (500, 1), (3, 2), (640, 427), (427, 640), (1333, 777), (4096, 4095), (48, 32), (47, 32)])
@pytest.mark.parametrize("size", [(48, 32), (32, 48), (224, 224), (1, 7)])
def test_the_rectangle_is_that_of_smart_resize(keras, whole, size):
    places = numpy.stack(numpy.meshgrid(numpy.arange(whole[0]), numpy.arange(whole[1])), -1).astype(numpy.float32)
    left, top, right, bottom = preprocess.aspect_box(whole, size)
    expected = keras.preprocessing.image.smart_resize(places, size[::-1], "nearest")
    import tensorflow

    assert numpy.array_equal(tensorflow.image.resize(places[top:bottom, left:right], size[::-1], "nearest").numpy(), expected)


def test_a_centre_crop_is_of_the_middle():
    image = Image.new("RGB", (100, 60))
    image.paste((255, 255, 255), (26, 14, 74, 46))
    pixels = description(kernel="bilinear", window=preprocess.CENTRE_CROP, shorter_side=60).resized(image)
    assert pixels.min() == 255


def test_bgr_reverses_the_tensor_and_not_the_pixels():
    image = Image.new("RGB", SIZE, (10, 20, 30))
    made = description(colours=preprocess.BGR)
    made.mean, made.std = [1.0, 2.0, 3.0], [1.0, 2.0, 4.0]
    pixels = made.resized(image)
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert made.tensor(pixels)[0, :, 0, 0].tolist() == [29, 9, 1.75]
    made.layout = "NHWC"
    assert made.tensor(pixels).shape == (1, 32, 48, 3) and made.tensor(pixels)[0, 0, 0].tolist() == [29, 9, 1.75]


def test_a_description_is_read_as_it_is_written():
    written = description(
        kernel="tensorflow-bilinear", window=preprocess.CROP_TO_ASPECT, colours=preprocess.GRAY, output="sigmoid", threshold=0.25,
        labels=["a", "b"], layout="NHWC",
    )  # fmt: skip
    fields = written.properties("00", "recipe")
    assert Description.of(fields) == written
    assert (fields["glimpse.input_mean"], fields["glimpse.output_threshold"]) == ("[0.0]", "0.25")
    cropped = description(window=preprocess.CENTRE_CROP, shorter_side=64)
    assert Description.of(cropped.properties("00", "recipe")) == cropped
    assert not {"glimpse.input_window", "glimpse.input_colours", "glimpse.output_threshold"} & description().properties("", "").keys()


@pytest.mark.parametrize("text, size, kernel, sentence", [
    ("stretched", SIZE, "bicubic", "is none of stretch"),
    ("short-side 64", SIZE, "bicubic", "is none of stretch"),
    ("short-side 64, crop 32", SIZE, "bicubic", "as large as the input"),
    ("short-side 47, crop 48x32", SIZE, "bicubic", "48 .the input's longer side. to 4096"),
    ("short-side 5000, crop 48x32", SIZE, "bicubic", "to 4096 is needed"),
    ("short-side 64, crop 48x32", SIZE, "tensorflow-bilinear", "is no part of"),
])  # fmt: skip
def test_windows_that_do_not_fit_are_sentences(text, size, kernel, sentence):
    with pytest.raises(Failure, match=sentence):
        preprocess.check_window(*preprocess.parse_window(text), size, kernel)


def test_windows_are_parsed():
    assert preprocess.parse_window("short-side 256, crop 224") == (preprocess.CENTRE_CROP, 256, (224, 224))
    assert preprocess.parse_window("short-side 64,crop 48 x 32") == (preprocess.CENTRE_CROP, 64, (48, 32))
    assert preprocess.parse_window("crop-to-aspect") == (preprocess.CROP_TO_ASPECT, None, None)
