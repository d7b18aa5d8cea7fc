"""Calls a service by Triton's client: `build/oip/bin/python triton.py ADDRESS IN.npz OUT.npz [AUTHORITY]`.

A process of its own, with packages of its own: protobuf takes one package `inference` in a process, and Triton's
client has another. IN.npz has the images of each model by its name, OUT.npz the outputs as MODEL/OUTPUT; what is told
of the server and of its models goes to stdout, as JSON.
"""

import json
import sys

import numpy as np
import tritonclient.grpc as triton


def main(address: str, given: str, written: str, authority: str | None = None) -> None:
    """AssertionError where the client finds that an answer is not of its call."""
    client = triton.InferenceServerClient(address, ssl=authority is not None, root_certificates=authority)
    told = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata(as_json=True),
        "models": {},
    }
    outputs = {}
    for model, images in np.load(given).items():
        tensor = triton.InferInput("images", images.shape, "UINT8")
        tensor.set_data_from_numpy(images)
        result = client.infer(model, [tensor], request_id=f"of-{model}", priority=2, timeout=30_000_000)
        assert result.get_response().id == f"of-{model}"
        metadata = client.get_model_metadata(model, as_json=True)
        for output in metadata["outputs"]:
            values = result.as_numpy(output["name"])
            assert values is not None, output
            outputs[f"{model}/{output['name']}"] = values.astype("S") if values.dtype == object else values
        told["models"][model] = {
            "ready": client.is_model_ready(model),
            "metadata": metadata,
            "config": client.get_model_config(model, as_json=True)["config"],
            "statistics": client.get_inference_statistics(model, as_json=True)["model_stats"],
            "refusal": _refusal(client, model, images),
        }
    np.savez(written, **outputs)
    print(json.dumps(told))


def _refusal(client: triton.InferenceServerClient, model: str, images: np.ndarray) -> list[str]:
    """Of images without their last row."""
    tensor = triton.InferInput("images", images[:, :-1].shape, "UINT8")
    tensor.set_data_from_numpy(np.ascontiguousarray(images[:, :-1]))
    try:
        client.infer(model, [tensor])
    except triton.InferenceServerException as error:
        return [error.status(), error.message()]
    return []


if __name__ == "__main__":
    main(*sys.argv[1:])
