"""Wrong answers to `streaming_budget`, lab 03g."""

from tests.mistakes import Mistake


def _answer(
    flash='model["parameters"] * model["bytes_per_weight"]',
    values='2 * model["state"] + model["activations"] + model["window"]',
    ram="4 * values",
    busy='model["macs"] / device["macs_per_second"]',
    time="busy / (hop / rate)",
    end='{"flash": flash / device["flash"], "ram": ram / device["ram"], "time": time}',
):
    return (
        f"def streaming_budget(model, hop, rate, device):\n    flash = {flash}\n    values = {values}\n    ram = {ram}\n"
        f"    busy = {busy}\n    time = {time}\n    return {end}\n"
    )


MISTAKES = [
    Mistake("weights in RAM", _answer(ram="4 * values + flash"), says="stay in flash"),
    Mistake("one state", _answer(values='model["state"] + model["activations"] + model["window"]'), says="two of them"),
    Mistake("no window", _answer(values='2 * model["state"] + model["activations"]'), says="window are missing"),
    Mistake("no state", _answer(values='model["activations"] + model["window"]'), says="has to remember"),
    Mistake("values for bytes", _answer(ram="values"), says="a float32 has 4"),
    Mistake("int8 states", _answer(ram='model["bytes_per_weight"] * values'), says="whatever the weights are"),
    Mistake("parameters for bytes", _answer(flash='model["parameters"]'), says="bytes_per_weight"),
    Mistake("float32 weights", _answer(flash='4 * model["parameters"]'), says="bytes_per_weight"),
    Mistake("seconds", _answer(time="busy"), says="time between two hops"),
    Mistake("upside down", _answer(time="(hop / rate) / busy"), says="upside down"),
    Mistake("hop taken for a sample", _answer(time="busy * rate"), says="once for each hop"),
    Mistake("window for hop", _answer(time='busy / (model["window"] / rate)'), says="one *hop*"),
    Mistake("FLOPs", _answer(busy='2 * model["macs"] / device["macs_per_second"]'), says="in MACs too"),
    Mistake("bytes instead of shares", _answer(end='{"flash": flash, "ram": ram, "time": time}'), says="expected"),
    Mistake("a tuple", _answer(end='(flash / device["flash"], ram / device["ram"], time)'), says="a dict"),
]
