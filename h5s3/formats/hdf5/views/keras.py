"""Keras: the layers of a model with their weights and the number of their parameters.

The HDF5 format of Keras 1 and 2 (`layer_names`, `weight_names`, `model_config`), and the weights of Keras 3
(`vars` below every layer).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from math import prod
from typing import Any

from h5s3.formats.hdf5.views.survey import Plan, Thing
from h5s3.formats.hdf5.views.view import Asked, View, bytes_of, everything, item, levels_of
from h5s3.formats.hdf5.walk import DEEPEST
from h5s3.formats.names import text_of
from h5s3.records import UNSET, Attribute, Convention, Item
from h5s3.sizes import MIB

USUAL = 12  # levels: models nest
LAYERS, WEIGHTS, CONFIG, TRAINING = "layer_names", "weight_names", "model_config", "training_config"
NAMES = (LAYERS, WEIGHTS, CONFIG, TRAINING, "keras_version", "backend", "name")
PARTS = 20  # that a list of names may be split into
LONGEST_CONFIG = 4 * MIB  # characters of JSON that are parsed
TOLD = ("units", "filters", "kernel_size", "pool_size", "strides", "rate", "activation", "output_dim")
VARIABLES = "vars"  # the group of a layer's weights, of Keras 3


def plan(levels: int | None) -> Plan:
    """All of it."""
    names = [*NAMES, *(f"{name}{part}" for name in (LAYERS, WEIGHTS) for part in range(PARTS))]
    return Plan(levels_of(levels, USUAL, DEEPEST), frozenset(name.encode() for name in names))


def read(asked: Asked) -> Convention | None:
    """The layers; None where there are none."""
    top = asked.top
    weights = top.group("model_weights") or top
    config, training = (_parsed(asked, top, name) for name in (CONFIG, TRAINING))
    classes = _classes(config)
    if _listed(weights, LAYERS):
        names = _listed(weights, LAYERS)
        layers = [_layer(weights, name, classes.get(name, {})) for name in names]
        layers += [_without(name, one) for name, one in classes.items() if name not in names]
        order = {name: number for number, name in enumerate(classes)}
        layers.sort(key=lambda one: order.get(one.name, len(order)))
    else:
        layers = list(_of_keras3(top))
        if not (layers or config):
            return None
        layers = layers or [_without(name, one) for name, one in classes.items()]
    facts = _facts(top, weights, config, training)
    layers.sort(key=lambda one: one.kind != "layer")  # the optimizer's own come last
    facts["layers"] = sum(one.kind == "layer" for one in layers)
    facts["parameters"] = sum(one.facts.get("parameters", 0) for one in layers)
    version = top.word("keras_version") or weights.word("keras_version")
    cut = asked.cut(layers)
    return Convention(
        view="keras", name="Keras", version=version or UNSET, facts=facts, notes=asked.notes, **cut
    )


def _listed(thing: Thing, name: str) -> list[str]:
    """Names in order: of one attribute, or of several that share it (`layer_names0`, `layer_names1` …)."""
    if name in thing.attributes:
        return thing.words(name)
    found: list[str] = []
    for part in count():
        if f"{name}{part}" not in thing.attributes:
            return found
        found += thing.words(f"{name}{part}")
    return found


def _layer(weights: Thing, name: str, config: Mapping[str, Any]) -> Item:
    group = weights.children.get(name)
    if group is None:
        return _without(name, config)
    found = [(weight, group.dataset(*weight.split("/"))) for weight in _listed(group, WEIGHTS)]
    arrays = [_weight(thing, weight) for weight, thing in found if thing is not None]
    return item("layer", group, **_about(config, arrays))


def _of_keras3(top: Thing) -> Iterator[Item]:
    """Every group that has variables."""
    for thing in everything(top):
        variables = thing.group(VARIABLES)
        arrays = [_weight(one, one.text) for one in variables.of_kind("dataset")] if variables else []
        if arrays:
            name = text_of(thing.path).strip("/").replace("layers/", "") or thing.text
            optimizer = text_of(thing.path).startswith("/optimizer")
            about = _about({}, arrays)
            if optimizer:
                about["facts"] = {"values": about["facts"]["parameters"]}
            named = thing.word("name") or name
            kind = "optimizer" if optimizer else "layer"
            yield Item(kind=kind, name=named, path=text_of(thing.path), **about)


def _weight(thing: Thing, name: str) -> Item:
    dtype = thing.facts.dtype if thing.facts is not None else UNSET
    short = name.rpartition("/")[2].removesuffix(":0")
    return Item(
        kind="weight",
        name=short,
        path=text_of(thing.path),
        shape=list(thing.shape),
        dtype=dtype,
        nbytes=bytes_of(thing),
    )


def _without(name: str, config: Mapping[str, Any]) -> Item:
    """A layer that has no weights."""
    return Item(kind="layer", name=name, **_about(config, []))


def _about(config: Mapping[str, Any], arrays: list[Item]) -> dict[str, Any]:
    """The fields of a layer."""
    inner = config.get("config")
    inner = inner if isinstance(inner, dict) else {}
    told = {key: value for key in TOLD if _is_simple(value := inner.get(key))}
    kind = config.get("class_name")
    parameters = sum(prod(one.shape) for one in arrays if one.shape is not UNSET)
    return {
        "type": kind if isinstance(kind, str) else UNSET,
        "shape": _input_shape(inner),
        "facts": ({"parameters": parameters} if arrays else {}) | told,
        "items": arrays or UNSET,
    }


def _input_shape(config: Mapping[str, Any]) -> Any:
    """The shape of what goes in, without the number of samples, where a layer says it."""
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    dims = shape[1:] if isinstance(shape, list) else []
    return dims if dims and all(isinstance(one, int) and one >= 0 for one in dims) else UNSET


def _is_simple(value: Any) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= 4 and all(isinstance(one, int) for one in value)
    return isinstance(value, int | float | str) and len(str(value)) <= 40


def _facts(top: Thing, weights: Thing, config: Any, training: Any) -> dict[str, Any]:
    """What there is to say of the whole model."""
    found: dict[str, Any] = {"model": _word(config, "class_name"), "name": _word(config, "config", "name")}
    found["backend"] = top.word("backend") or weights.word("backend")
    optimizer = _word(training, "optimizer_config", "class_name")
    found["optimizer"] = optimizer or _word(training, "optimizer_config", "registered_name")
    found["loss"] = _word(training, "loss") or _word(training, "loss", "class_name")
    return {name: value for name, value in found.items() if value}


def _word(config: Any, *keys: str) -> str:
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config if isinstance(config, str) else ""


def _classes(config: Any) -> dict[str, dict[str, Any]]:
    """The layers of a configuration by name."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else inner  # a list: Keras 1
    found = {}
    for layer in layers if isinstance(layers, list) else ():
        name = _word(layer, "config", "name") or _word(layer, "name")
        if name:
            found[name] = layer
    return found


def _parsed(asked: Asked, top: Thing, name: str) -> Any:
    """A configuration, which is JSON; None where there is none that could be read."""
    attribute: Attribute | None = top.attributes.get(name)
    if attribute is None:
        return None
    text = top.value(name)
    if not isinstance(text, str) or len(text) > LONGEST_CONFIG:
        asked.notes.append(f"{name} is too large to be read")
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        asked.notes.append(f"{name} is not JSON that could be read")
        return None


VIEW = View("keras", "Keras", plan, read)
