from __future__ import annotations

import subprocess
import sys

import numbacnn


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    assert list(numbacnn.__all__) == sorted(numbacnn.__all__)
    for name in numbacnn.__all__:
        assert getattr(numbacnn, name) is not None


def test_the_import_alone_loads_nothing_heavy() -> None:
    code = "import numbacnn, sys; print(sorted({'numba', 'h5py', 'matplotlib', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_readmes_example() -> None:
    import numbacnn as nc

    dataset = nc.Dataset.open("digits")
    network = nc.architectures.build(
        "digits", class_names=dataset.class_names, pixels=nc.training.preprocessing(dataset)
    )
    events = list(nc.train(network, dataset, epochs=1))
    assert events
    images, labels = dataset.test.read(slice(0, 8)), dataset.test.labels[:8]
    assert network.predict(images).shape == (8, 10)
    assert nc.analysis.saliency(network, images, labels).shape == (8, 8, 8)
    attacked = nc.attacks.FGSM(epsilon=8 / 255)(network, images, labels)
    assert abs(attacked - images / 255).max() <= 8 / 255 + 1e-6
