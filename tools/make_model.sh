#!/bin/sh
# Trains the small digits network that --model falls back to, and puts it into the package.
# Run from the repository's root, in an environment where numbacnn is installed.
set -eu
folder=$(mktemp -d)
numbacnn train --data digits --network digits --run "$folder/digits"
mkdir -p numbacnn/models
cp "$folder/digits/model.h5" numbacnn/models/digits.h5
rm -r "$folder"
