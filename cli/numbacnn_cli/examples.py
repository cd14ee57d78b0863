"""Command lines that each `--help` ends with: (what is typed, what it does)."""

from __future__ import annotations

from numbacnn.attacks.registry import ENTRIES

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (
        ("train", "the digits in the package, with the network that suits them"),
        ("train --data cifar10.h5 --network vgg-small --epochs 20", "a data set and a network by name"),
        ("train --network mine.toml --run runs/mine", "a network of your own, into a folder of your choice"),
        ("train --resume runs/mine --epochs 40", "goes on where a run stopped, up to epoch 40"),
    ),
    "finetune": (
        (
            "finetune --data flowers/ --model squeezenet.h5 --freeze all",
            "a new classifier on a network as it is, for a folder a class",
        ),
        ("finetune --data flowers.h5 --model runs/mine --freeze-until conv2", "the layers after conv2 learn"),
        ("finetune --data flowers.h5 --below 0.01 --epochs 20", "all layers, those below the new one slowly"),
        ("finetune --resume runs/flowers-squeezenet-001", "goes on where a run stopped"),
    ),
    "eval": (
        ("eval", "the newest run, on the test pictures of the data that it was trained on"),
        ("eval --model runs/mine --split validation", "another model and other pictures"),
        ("eval --data other.h5 --output other.pdf", "another data set, the confusion matrix as PDF"),
    ),
    "predict": (
        ("predict photo.jpg", "the five likeliest classes, in the terminal and as predictions.png"),
        ("predict *.png --top 3 --output answers.svg", "several pictures, three classes each"),
        ("predict photo.jpg --model runs/mine --json", "for a program"),
    ),
    "summary": (
        ("summary alexnet", "the lecture's table: volumes, neurons, weights"),
        ("summary lenet --input 64x64x3 --classes 100", "for other pictures and classes"),
        ("summary mine.toml --batch-size 64", "a network of your own, and the memory that a batch takes"),
    ),
    "diagnose": (
        ("diagnose", "the newest run, on the data that it was trained on"),
        (
            "diagnose --model runs/mine --learning-rate 0.1 --output health.svg",
            "what a step of another size would do",
        ),
    ),
    "report": (
        ("report runs/mine", "report.html: curves, errors, filters, saliency, an attack, settings"),
        (
            "report squeezenet.h5 --data photos --output squeezenet.html",
            "a model, and pictures to look at it with",
        ),
    ),
    "similar": (
        (
            "similar photo.jpg --data flowers.h5 --model squeezenet.h5",
            "the six nearest training pictures, as similar.png",
        ),
        ("similar photo.jpg --metric cosine --layer fc7", "by direction alone, in another layer"),
    ),
    "features": (
        (
            "features flowers.h5 features.h5 --model squeezenet.h5",
            "a row of numbers for each training picture",
        ),
        ("features flowers.h5 test.h5 --split test --layer fc7", "another split, another layer"),
    ),
    "networks": (
        ("networks", "year, size, costs and published error of each"),
        ("networks --json", "for a program"),
    ),
    "convert": (
        (
            "convert squeezenet_v1.1.caffemodel squeezenet.h5 --mean 104,117,123",
            "Caffe's weights; deploy.prototxt and synset_words.txt lie beside them",
        ),
        (
            "convert lenet.caffemodel lenet.h5 --prototxt lenet.prototxt --mean 0 --scale 1/256",
            "pixels from 0 to 1, the layers in a file of another name",
        ),
        ("convert resnet50.pth resnet50.h5 --mean imagenet", "PyTorch's weights, as torchvision names them"),
        ("convert runs/mine/model.h5 mine.onnx", "a model of your own for other programs"),
    ),
    "model fetch": (
        ("model fetch resnet-18", "torchvision's ResNet-18, as resnet-18.h5"),
        ("model fetch squeezenet-1.1 sq.h5 --mirror /media/models", "from a folder that has the same files"),
        ("model fetch", "lists all that can be fetched"),
    ),
    "data fetch": (
        ("data fetch cifar10", "as cifar10.h5, for --data"),
        ("data fetch mnist --mirror https://example.org/sets", "from another server that has the same files"),
    ),
    "gradcheck": (
        ("gradcheck lenet", "every layer and the whole network"),
        ("gradcheck mine.toml --samples 50", "a network of your own, more numbers of each array"),
    ),
    "bench": (
        ("bench vgg-small", "training and prediction, 64 pictures at a time"),
        ("bench lenet --batch-size 1 --threads 1", "one picture at a time on one thread"),
        ("bench alexnet --device cuda --precision bf16", "on a GPU's tensor cores"),
    ),
    "tune": (
        ("tune --device cuda", "the shapes of common networks, in every precision that the GPU has"),
        ("tune alexnet --batch-size 128 --precision tf32", "one network, as it will be trained"),
        ("tune mine.toml --seconds 10", "a network of your own, measured for longer"),
    ),
    "warmup": (
        ("warmup", "a network of every family"),
        ("warmup lenet mine.toml", "those that will be needed"),
        ("warmup vgg-small --device cuda", "for a GPU"),
    ),
    "doctor": (
        ("doctor", "everything that was found"),
        ("doctor --json", "the same for a program, or for a report of a fault"),
    ),
    "viz filters": (
        ("viz filters", "the first convolution of the newest run"),
        ("viz filters --layer conv2 --scale own", "another layer, each kernel on its own scale"),
        ("viz filters --model runs/mine --output filters.pdf", "as PDF, for a report"),
    ),
    "viz saliency": (
        ("viz saliency photo.jpg", "the class that the network sees in it"),
        ("viz saliency photo.jpg --class cat", "what speaks for another class"),
        ("viz saliency --index 0-3 --rule guided", "pictures of the test set, guided backpropagation"),
    ),
    "viz attribute": (
        ("viz attribute photo.jpg", "Grad-CAM: the part of the picture that speaks for what is seen in it"),
        (
            "viz attribute photo.jpg --method occlusion --window 32 --class cat",
            "what hiding 32x32 pixels changes",
        ),
        ("viz attribute --index 0-3 --method integrated-gradients --steps 100", "pictures of the test set"),
    ),
    "viz compare": (
        (
            "viz compare photo.jpg",
            "nine methods, their deletion and insertion curves, the check of random weights",
        ),
        ("viz compare --index 7 --class 3 --stages 0", "a picture of the test set, without the check"),
    ),
    "viz class": (
        ("viz class", "the first classes of the newest run"),
        ("viz class flamingo daisy --model squeezenet.h5 --steps 400", "two classes of ImageNet"),
        ("viz class 3 --canvas pixels --l2 1 --blur 0.5", "as Simonyan et al. made them, with a blur"),
    ),
    "viz unit": (
        ("viz unit --layer conv2 --units 0-7", "eight channels of a layer"),
        ("viz unit --of unit", "the units in the middle of the last convolution's maps"),
    ),
    "viz dream": (
        ("viz dream photo.jpg --model squeezenet.h5", "a layer in the middle of the network, at four sizes"),
        ("viz dream photo.jpg --layer conv3 --units 7 --octaves 6", "one channel of a layer, at more sizes"),
    ),
    "viz invert": (
        ("viz invert photo.jpg", "from five layers, the first to the last"),
        ("viz invert --index 7 --layer conv3 --variation 1", "a picture of the test set, smoother"),
    ),
    "viz layers": (
        ("viz layers", "the first 16 active units of the last convolution"),
        ("viz layers --layer conv2 --units 0-7", "eight units of another layer"),
        ("viz layers --layer all --choose selective", "a page a layer, and a figure of all of them"),
        ("viz layers --split train --rule guided", "over the training pictures, guided backpropagation"),
    ),
    "viz activations": (
        ("viz activations photo.jpg", "a photograph's way through all layers"),
        (
            "viz activations --index 3 --layer conv1,pool1 --save-data maps.h5",
            "two layers of a test picture, and their numbers",
        ),
    ),
    "viz features": (
        ("viz features", "1,000 test pictures in the plane of their principal components"),
        ("viz features --method t-sne --count 3000", "by t-SNE, which needs scikit-learn"),
    ),
    "viz evolution": (
        ("viz evolution", "the last convolution of the newest run, which was trained with --keep-every"),
        ("viz evolution --model runs/mine --layer conv2 --units 0-3", "four units of another layer"),
    ),
    "viz occlusion": (
        (
            "viz occlusion photo.jpg",
            "a grey square over a photograph, for the class that the network sees in it",
        ),
        (
            "viz occlusion --index 3 --window 6 --stride 2",
            "a picture of the test set, a smaller square in smaller steps",
        ),
    ),
    "viz correspondence": (
        (
            "viz correspondence --parts dogs.csv --layer conv3,conv5",
            "eyes and noses of dogs, as the table says where they are",
        ),
        (
            "viz correspondence --index 0-9 --part middle=10,10,18,18",
            "the same place in ten pictures of the test set",
        ),
    ),
    "viz activation-functions": (
        ("viz activation-functions", "all of them, with the lecture's quiz answered"),
        ("viz activation-functions --range 10 --output curves.pdf", "further to both sides, as PDF"),
    ),
    "viz architecture": (
        ("viz architecture alexnet", "the lecture's volumes, as architecture-alexnet.png"),
        ("viz architecture mine.toml --input 64x64x3 --output mine.svg", "a network of your own, as SVG"),
    ),
    "viz spatial": (
        ("viz spatial", "the lecture's 7x7 picture and 3x3 filter at strides 1 to 3"),
        ("viz spatial --size 9 --filter 5 --strides 1,2,4 --padding 2", "other sizes, strides and padding"),
    ),
    "viz conv-demo": (
        (
            "viz conv-demo --animation steps.gif --page steps.html",
            "in the terminal, as a GIF and as a page with a slider",
        ),
        ("viz conv-demo --size 4 --stride 1 --padding 0 --filters 1", "a volume and a stride of your choice"),
    ),
    "viz depth": (
        ("viz depth", "the lecture's figure, as depth.png"),
        ("viz depth --output depth.pdf", "as PDF"),
    ),
    "attack sweep": (
        ("attack sweep", "noise, FGSM and PGD on 200 test pictures, 0 to 32/255"),
        (
            "attack sweep --attacks pgd,apgd,deepfool --norm l2 --epsilons 0,0.25,0.5,1",
            "other attacks, in L2",
        ),
    ),
    "attack minimal": (
        ("attack minimal", "200 test pictures, by DeepFool"),
        ("attack minimal --attack pgd --norm linf --most 32/255", "by bisection with PGD"),
    ),
    "attack transfer": (
        ("attack transfer runs/one runs/two", "made on either, shown to both, by MI-FGSM"),
        ("attack transfer a.h5 b.h5 c.h5 --attack pgd --epsilon 16/255 --data mine.h5", "three models"),
    ),
    "attack certify": (
        ("attack certify --sigma 0.25", "100 test pictures, 1000 noisy copies of each"),
        ("attack certify --model runs/smooth --samples 10000 --count 20", "larger radii of fewer pictures"),
    ),
    "data import": (
        ("data import photos/ photos.h5 --size 64", "a folder of pictures a class, each scaled to 64x64"),
        ("data import cifar-10-batches-py cifar10.h5", "CIFAR-10 as it is downloaded"),
        ("data import mnist/ mnist.h5 --validation 0.1", "IDX files, a tenth kept for validation"),
    ),
    "data info": (
        ("data info digits", "sizes, classes, pictures a split"),
        ("data info photos.h5 --json", "for a program"),
    ),
    "data show": (
        ("data show digits", "50 training pictures, the classes in turn"),
        ("data show photos.h5 --split test --count 20 --output test.pdf", "20 test pictures as PDF"),
    ),
}
"""Command -> its examples, without the program's name."""

ATTACK_EXAMPLES: dict[str, tuple[str, str]] = {
    "fgsm": (
        "attack fgsm --target cat --sweep 0,1/255,4/255,8/255",
        "towards a class, with several epsilons",
    ),
    "pgd": ("attack pgd --norm l2 --epsilon 0.5 --restarts 5", "in L2, from five random starts"),
    "lbfgs": ("attack lbfgs photo.jpg --target ostrich", "the smallest change that leads to a class"),
    "rotate": ("attack rotate --degrees 45 --shift 0.2", "larger turns and shifts"),
}
"""A further example of attacks that have something to show."""

EXAMPLES |= {
    f"attack {name}": (
        (f"attack {name}", "200 test pictures"),
        (f"attack {name} photo.jpg", "a picture of your own"),
        *([ATTACK_EXAMPLES[name]] if name in ATTACK_EXAMPLES else []),
    )
    for name in ENTRIES
}

INDENT = "\N{NO-BREAK SPACE}" * 4

OVERVIEW = (
    ("train", "trains a small network on the digits in the package"),
    ("predict photo.jpg", "names what a picture shows, with the newest run"),
    ("viz saliency photo.jpg", "shows which pixels that depends on"),
    ("attack fgsm photo.jpg", "changes it until the network errs"),
)


VARIABLES = "NUMBACNN_CACHE_DIR names the folder that compiled kernels and what was fetched are kept in, instead of the user's cache folder."


def epilogue(command: str = "") -> str:
    """Returns the examples of a command, or the first example of each command below it, or the program's own, as
    Markdown.
    """
    below = [examples[0] for name, examples in EXAMPLES.items() if name.startswith(f"{command} ")]
    found = EXAMPLES.get(command) or below or OVERVIEW
    lines = ["Examples:"]
    for line, what in found:
        lines += [f"numbacnn {line}".replace("*", r"\*"), f"{INDENT}{what}"]
    return "  \n".join(lines) + f"\n\n{VARIABLES}"  # two spaces at its end keep a line a line
