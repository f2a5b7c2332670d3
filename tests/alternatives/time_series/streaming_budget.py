"""Right answers in other words to `streaming_budget`, lab 03g."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "float32's size from NumPy",
        """
def streaming_budget(model, hop, rate, device):
    values = sum([model["state"], model["state"], model["activations"], model["window"]])
    return dict(
        flash=model["bytes_per_weight"] * model["parameters"] / device["flash"],
        ram=np.zeros(values, np.float32).nbytes / device["ram"],
        time=model["macs"] * rate / (hop * device["macs_per_second"]),
    )
""",
    ),
    Right(
        "calls in a second",
        """
def streaming_budget(model, hop, rate, device):
    calls = rate / hop
    shares = {}
    shares["time"] = np.float64(calls * model["macs"] / device["macs_per_second"])
    shares["ram"] = (8 * model["state"] + 4 * (model["activations"] + model["window"])) / device["ram"]
    shares["flash"] = model["parameters"] * model["bytes_per_weight"] / device["flash"]
    return shares
""",
    ),
    Right(
        "with more in it",
        """
def streaming_budget(model, hop, rate, device):
    m = model
    flash, ram = m["parameters"] * m["bytes_per_weight"], 4 * (2 * m["state"] + m["activations"] + m["window"])
    period = hop / rate
    time = m["macs"] / device["macs_per_second"]
    return {"flash": flash / device["flash"], "ram": ram / device["ram"], "time": time / period, "fits": bool(time < period)}
""",
    ),
]
