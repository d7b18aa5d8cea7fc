"""manifest.json is read strictly: every wrong value is an error that names its key."""

import dataclasses
import json

import pytest

from stamp2vec.calibration import RefinementCalibration, Verification
from stamp2vec.errors import WeightsError
from stamp2vec.hub.manifest import Manifest
from stamp2vec.values import Preset, Task
from tests.library.pairs import CALIBRATION

MANIFEST = Manifest(
    name="yolo-stamp",
    version="1.10.0",
    task=Task.DETECT,
    architecture="yolo-stamp",
    config={"width": 8},
    presets=(Preset.FAST,),
    input_height=448,
    input_width=448,
    threshold=0.4,
    parameters=100,
    sha256="0" * 64,
    vector_size=0,
    training={"commit": "abc", "seconds": 60.5},
    metrics={"ap50": 0.5},
    licence="Apache-2.0",
)


def changed(**values: object) -> str:
    return json.dumps({**json.loads(MANIFEST.to_json()), **values})


def test_a_manifest_survives_its_file() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    quantised = dataclasses.replace(MANIFEST, graph_sha256="1" * 64, graph_precision="int8")
    assert Manifest.from_json(quantised.to_json()) == quantised
    with pytest.raises(WeightsError, match="graph_precision must be int8, or left out"):
        dataclasses.replace(quantised, graph_precision="int4")
    assert MANIFEST.reference == "yolo-stamp@1.10.0"
    assert MANIFEST.version_order > dataclasses.replace(MANIFEST, version="1.9.9").version_order


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../../etc"),
        ("name", "Yolo"),
        ("name", ""),
        ("name", 5),
        ("version", "1.0"),
        ("version", "1.0.0/.."),
        ("version", "01.0.0"),
        ("task", "classify"),
        ("task", ["detect"]),
        ("architecture", "os.system"),
        ("config", {"width": "8"}),
        ("config", {"width": True}),
        ("config", []),
        ("presets", ["slow"]),
        ("presets", "fast"),
        ("presets", [{}]),
        ("input_height", 448.0),
        ("input_height", True),
        ("input_height", 0),
        ("input_width", 10**9),
        ("graph_precision", "int8"),  # of no graph
        ("threshold", "0.5"),
        ("threshold", 1.5),
        ("threshold", 10**400),
        ("parameters", -1),
        ("parameters", None),
        ("sha256", "../" * 21 + "a"),
        ("sha256", "A" * 64),
        ("vector_size", 128),
        ("training", None),
        ("metrics", []),
        ("licence", None),
        ("verification", {}),
        ("verification", None),
        ("pair_calibration", {}),
        ("pair_calibration", None),
        (
            "verification",
            {"curve": [[0, 0.1], [1, 0.9]], "genuine_share": 0.5, "sibling_share": 0.2, "far_thresholds": {}},
        ),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object) -> None:
    with pytest.raises(WeightsError, match=key):
        Manifest.from_json(changed(**{key: value}))


REQUIRED = [field.name for field in dataclasses.fields(Manifest) if field.default is dataclasses.MISSING]


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named(key: str) -> None:
    values = json.loads(MANIFEST.to_json())
    del values[key]
    with pytest.raises(WeightsError, match=f"lacks {key}"):
        Manifest.from_json(json.dumps(values))


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(WeightsError, match="'pickle'"):
        Manifest.from_json(changed(pickle="model.pt"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"threshold": NaN}', b"\xff\xfe\x00", "[" * 100_000])
def test_what_is_no_json_object_is_an_error(text: str | bytes) -> None:
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        Manifest.from_json(text)


def test_embedders_say_how_long_their_vectors_are() -> None:
    with pytest.raises(WeightsError, match="vector_size must be above 0 for embedders"):
        dataclasses.replace(MANIFEST, task=Task.EMBED)


EMBEDDER = dataclasses.replace(
    MANIFEST,
    task=Task.EMBED,
    threshold=0.0,
    vector_size=128,
    verification=Verification(((0.0, 0.1), (1.0, 0.9)), 0.5, 0.2, {"0.01": 0.8}),
)
VERIFIER = dataclasses.replace(MANIFEST, task=Task.VERIFY, threshold=0.0, pair_calibration=CALIBRATION)

REFINER = dataclasses.replace(
    MANIFEST,
    task=Task.REFINE,
    threshold=0.0,
    refinement_calibrations=(RefinementCalibration("yolo-stamp@2.1.0", -0.5, 0.25, 1.5, 0.75, 0.6),),
)


@pytest.mark.parametrize(
    "manifest", [EMBEDDER, VERIFIER, REFINER], ids=["verification", "pair_calibration", "refinement_calibrations"]
)
def test_what_was_measured_survives_its_file_and_may_be_absent(
    manifest: Manifest, request: pytest.FixtureRequest
) -> None:
    key = request.node.callspec.id
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert getattr(manifest.info, key) == getattr(manifest, key)
    older = dataclasses.replace(manifest, verification=None, pair_calibration=None, refinement_calibrations=())
    assert key not in older.to_json()
    assert Manifest.from_json(older.to_json()) == older


def test_an_older_manifest_with_a_second_look_is_no_longer_read() -> None:
    values = json.loads(EMBEDDER.to_json())
    values["verification"]["second_look"] = {"segmenter": "stamp-unet"}
    with pytest.raises(WeightsError, match="verification must be an object with curve, genuine_share"):
        Manifest.from_json(json.dumps(values))


def test_only_a_pair_network_has_a_pair_calibration() -> None:
    for manifest in (MANIFEST, EMBEDDER):
        with pytest.raises(WeightsError, match="pair_calibration must be left out for what is no pair network"):
            dataclasses.replace(manifest, pair_calibration=CALIBRATION)
    with pytest.raises(WeightsError, match="refinement_calibrations must be left out for what is no refiner"):
        dataclasses.replace(MANIFEST, refinement_calibrations=REFINER.refinement_calibrations)
    with pytest.raises(WeightsError, match="verification must be left out for what is no embedder"):
        dataclasses.replace(VERIFIER, verification=EMBEDDER.verification)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"segmenter": ""}, "segmenter must be a model's name"),
        ({"segmenter": "https://models.example/x"}, "segmenter must be a model's name"),
        ({"segmenter": 3}, "segmenter must be"),
        ({"intercept": "0"}, "intercept must be"),
        ({"correlation": True}, "correlation must be"),
        ({"typical_letter": None}, "typical_letter must be"),
        ({"worst_letter": 10**400}, "worst_letter must be"),
        ({"colour": 1.0}, "must be an object with segmenter, intercept"),
    ],
)
def test_a_wrong_pair_calibration_is_named(change: dict[str, object], text: str) -> None:
    values = json.loads(VERIFIER.to_json())
    values["pair_calibration"] |= change
    with pytest.raises(WeightsError, match=rf"pair_calibration\.?.*{text}"):
        Manifest.from_json(json.dumps(values))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"detector": "yolo-stamp"}, "detector must be a model's name and version"),
        ({"detector": 3}, "detector must be"),
        ({"by_refiner": -1.0}, "by_detector and by_refiner must be 0 or more"),
        ({"threshold": "0.5"}, "threshold must be"),
        ({"box_share": 2}, "box_share and threshold must be 0 to 1"),
        ({"colour": 1.0}, "must be an object with detector, intercept"),
    ],
)
def test_a_wrong_refinement_calibration_is_named(change: dict[str, object], text: str) -> None:
    values = json.loads(REFINER.to_json())
    values["refinement_calibrations"][0] |= change
    with pytest.raises(WeightsError, match=rf"refinement_calibrations\[0\]\.?.*{text}"):
        Manifest.from_json(json.dumps(values))


@pytest.mark.parametrize("value", [None, [], {}, [None], 0.5])
def test_what_are_no_refinement_calibrations_is_named(value: object) -> None:
    values = json.loads(REFINER.to_json())
    with pytest.raises(WeightsError, match="refinement_calibrations"):
        Manifest.from_json(json.dumps({**values, "refinement_calibrations": value}))


@pytest.mark.parametrize("value", [None, [], {}, {"segmenter": "stamp-unet"}, 0.5])
def test_what_is_no_pair_calibration_is_named(value: object) -> None:
    values = json.loads(VERIFIER.to_json())
    with pytest.raises(WeightsError, match="pair_calibration"):
        Manifest.from_json(json.dumps({**values, "pair_calibration": value}))
    del values["pair_calibration"]["typical_letter"]
    with pytest.raises(WeightsError, match="pair_calibration must be an object with segmenter"):
        Manifest.from_json(json.dumps(values))
