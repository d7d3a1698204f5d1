"""The stack that glimpse replaces, rebuilt from its contract: FastAPI in front of Keras, without tuning.

It has one uvicorn worker. The endpoint is a plain function, which FastAPI runs on its thread pool. The model is called
as in the documentation of Keras Applications: `model.predict` for each picture.
"""

import base64
import io

import keras
import numpy
import pydantic
from fastapi import FastAPI, HTTPException
from keras.applications.mobilenet_v2 import MobileNetV2, decode_predictions, preprocess_input
from PIL import Image

app = FastAPI()
model = MobileNetV2(weights="imagenet")


class Picture(pydantic.BaseModel):
    base64Image: str


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/api/v1/analyze")
def analyze(picture: Picture):
    try:
        image = Image.open(io.BytesIO(base64.b64decode(picture.base64Image))).convert("RGB")
    except (ValueError, OSError):
        raise HTTPException(422, "The data is not an image") from None
    x = keras.utils.img_to_array(image.resize((224, 224)))
    x = preprocess_input(numpy.expand_dims(x, axis=0))
    predictions = model.predict(x)
    return [
        {"label": label, "confidence": float(confidence)}
        for _, label, confidence in decode_predictions(predictions, top=3)[0]
    ]
