"""The same model behind mosec: a server in Rust that hands the bodies to Python processes, here one a core.

Batches are off, because on a CPU they are slower than one picture after the other. Command-line options are mosec's own.
"""

import orjson
from mosec import Runtime, Server, ValidationError, Worker
from served_model import BAD, Model

WORKERS = 2


class Analyst(Worker):
    def __init__(self):
        super().__init__()
        self.model = Model()

    # The body stays as it is: JSON and pictures come by the same route.
    def deserialize(self, data):
        return data

    def forward(self, data):
        try:
            return self.model.answer(data)
        except BAD:
            raise ValidationError("The data is not an image") from None

    def serialize(self, data):
        return orjson.dumps(data)


if __name__ == "__main__":
    server = Server()
    server.register_runtime({"/api/v1/analyze": [Runtime(Analyst, num=WORKERS)]})
    server.run()
