"""A transformer: KServe's own model server, which takes V1 requests and asks glimpse as its predictor.

`test_kserve_transformer.py` starts it. The options are KServe's, such as --predictor_protocol.
"""

import argparse
import base64

import kserve
import numpy
from kserve.protocol.infer_type import RequestedOutput


class Transformer(kserve.Model):
    def preprocess(self, payload, headers=None):
        pictures = [base64.b64decode(instance["image"]["b64"]) for instance in payload["instances"]]
        tensor = kserve.InferInput("image", [len(pictures)], "BYTES")
        tensor.set_data_from_numpy(numpy.array(pictures, numpy.object_))
        outputs = [RequestedOutput("probabilities", {"classification": 3, "binary_data": True})]
        return kserve.InferRequest(self.name, [tensor], request_outputs=outputs)

    def postprocess(self, result, headers=None, response_headers=None):
        # KServe gives elements of BYTES as text over REST and as bytes over gRPC.
        rows = result.outputs[0].as_numpy()
        return {"predictions": [[one if isinstance(one, str) else one.decode() for one in row] for row in rows]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    arguments, _ = parser.parse_known_args()
    model = Transformer(arguments.model_name)
    model.load()
    kserve.ModelServer().start([model])
