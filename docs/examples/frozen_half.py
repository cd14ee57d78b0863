"""Fine-tuning: the first layers of a trained network keep their weights, and the last ones learn."""

from numbacnn import Dataset, Network, architectures, train
from numbacnn.training import preprocessing

digits = Dataset.open("digits")
network: Network = architectures.build("digits", pixels=preprocessing(digits), class_names=digits.class_names)
*_, first = train(network, digits, epochs=1, batch_size=64)

names = [node.name for node in network.graph.nodes]
network.graph.set_trainable(False, nodes=names[: len(names) // 2])
before = network.graph.snapshot()
*_, second = train(network, digits, epochs=1, batch_size=64)

for name, parameter in network.graph.parameters.items():
    changed = (network.graph.read(name) != before[name]).any()
    print(f"{name}: {'learned' if changed else 'as it was'}{'' if parameter.trainable else ', frozen'}")
