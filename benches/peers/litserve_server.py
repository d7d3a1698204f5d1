"""The same model behind LitServe: FastAPI processes that hand the bodies to worker processes, here one a core.

The queue is ZeroMQ (`fast_queue`), which LitServe recommends for high loads. The body goes to the worker as bytes, so that
no process but the worker's parses it. Batches are off, because on a CPU they are slower than one picture after the other.
"""

import sys
from typing import Annotated

import litserve
from fastapi import Depends, HTTPException, Request
from served_model import BAD, Model

WORKERS = 2
# One process for HTTP: with two workers on two cores, a second one only costs memory.
API_SERVERS = 1
TIMEOUT_SECONDS = 60


async def whole_body(request: Request):
    return await request.body()


class Analyst(litserve.LitAPI):
    def setup(self, device):
        self.model = Model()

    def decode_request(self, request: Annotated[bytes, Depends(whole_body)]):
        return request

    def predict(self, body):
        try:
            return self.model.answer(body)
        except BAD:
            raise HTTPException(422, "The data is not an image") from None


if __name__ == "__main__":
    api = Analyst(api_path="/api/v1/analyze")
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=WORKERS, timeout=TIMEOUT_SECONDS, fast_queue=True
    )
    quiet = {"log_level": "warning", "access_log": False, "generate_client_file": False}
    address = {"host": "127.0.0.1", "port": int(sys.argv[1])}
    server.run(**address, num_api_servers=API_SERVERS, loop="uvloop", http="httptools", **quiet)
