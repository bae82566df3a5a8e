"""Small JPEG files of every kind for tests, encoded by Pillow and OpenCV."""

import io
from unittest import mock

import cv2
import numpy as np
from hypothesis import HealthCheck
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageFile

SLOW = [HealthCheck.too_slow]  # encoding takes its time on a busy machine
PILLOW_SAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
OPENCV_SAMPLINGS = {
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}
COARSER = {"4:1:1": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411}  # Pillow's 4:1:1 is 4:2:0


def drawn_image(size_hw, *, look, seed):
    """An image of one colour, of soft blobs, of hard noise, or of hard edges."""
    draw = np.random.default_rng(seed)
    if look == "constant":
        return np.broadcast_to(draw.integers(0, 256, 3, dtype=np.uint8), (*size_hw, 3)).copy()
    if look == "noise":
        return draw.integers(0, 2, (*size_hw, 3), dtype=np.uint8) * np.uint8(255)
    coarse = draw.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    how = cv2.INTER_CUBIC if look == "soft" else cv2.INTER_NEAREST
    return cv2.resize(coarse, size_hw[::-1], interpolation=how)


def pillow_jpeg(image, **options):
    """Encode with Pillow; a grey image has two dimensions."""
    buffer = io.BytesIO()
    # Optimised tables need the whole file in one buffer, which Pillow guesses too small for noise
    with mock.patch.object(ImageFile, "MAXBLOCK", 2**22):
        PillowImage.fromarray(image).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def opencv_jpeg(image, *, sampling="4:2:0", quality=90, restart=0, optimize=False):
    """Encode with OpenCV."""
    options = {
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: (OPENCV_SAMPLINGS | COARSER)[sampling],
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_RST_INTERVAL: restart,
        cv2.IMWRITE_JPEG_OPTIMIZE: int(optimize),
    }
    done, content = cv2.imencode(".jpg", image, [int(n) for pair in options.items() for n in pair])
    assert done
    return content.tobytes()


@st.composite
def jpegs(draw, *, most_px=100):
    """Files of random size, sampling, quality, tables and restart interval."""
    size_hw = (draw(st.integers(1, most_px)), draw(st.integers(1, most_px)))
    look = draw(st.sampled_from(("constant", "soft", "noise", "edges")))
    image = drawn_image(size_hw, look=look, seed=draw(st.integers(0, 99)))
    quality, optimize = draw(st.integers(5, 98)), draw(st.booleans())
    restart = draw(st.sampled_from((0, 0, 1, 2, 3, 7, 16)))
    if draw(st.booleans()):
        sampling = draw(st.sampled_from(tuple(OPENCV_SAMPLINGS)))
        return opencv_jpeg(
            image, sampling=sampling, quality=quality, restart=restart, optimize=optimize
        )
    colours = draw(st.sampled_from(("grey", "RGB", *PILLOW_SAMPLINGS)))
    options = {"quality": quality, "optimize": optimize, "restart_marker_blocks": restart}
    if colours == "grey":
        return pillow_jpeg(image[:, :, 1], **options)
    if colours == "RGB":
        return pillow_jpeg(image, keep_rgb=True, **options)
    return pillow_jpeg(image, subsampling=colours, **options)


def pillow_pixels(content):
    """Decode with Pillow."""
    with PillowImage.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def opencv_pixels(content):
    """Decode with OpenCV, as stored."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(content, np.uint8), flags)
