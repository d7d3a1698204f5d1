"""A well-tuned Python server: FastAPI on ONNX Runtime, with the model file that glimpse serves.

It is tuned for two processes on two cores: uvloop and httptools, and no validation by pydantic. The work runs on the event
loop's thread, because a second thread in a process with one core would only compete for the interpreter lock.
"""

import orjson
from fastapi import FastAPI, Request, Response
from served_model import BAD, REFUSAL, Model

app = FastAPI()
model = Model()


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.post("/api/v1/analyze")
async def analyze(request: Request):
    body = await request.body()
    try:
        answer, status = model.answer(body), 200
    except BAD:
        answer, status = REFUSAL, 422
    return Response(orjson.dumps(answer), status, media_type="application/json")
