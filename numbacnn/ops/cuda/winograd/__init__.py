"""Winograd's algorithm on the GPU for 3x3 and 5x5 filters of stride 1 in float32 (ops.convolution.winograd; Lavin and Gray, 2015):
input tiles and filters are transformed to planes, one for each position in a tile, all of whose products are one launch, and
what they give is transformed back.

forward            M (tiles, K) = V (tiles, C) U (C, K) of each position; y is M transformed back
backward_input     the same of d_y and the mirrored filters: M (tiles, C) = V (tiles, K) U' (K, C)
backward_weights   D (C, K) = V' (C, tiles) W (tiles, K), W the transformed tiles of d_y; d_weights is D transformed back

No thread adds to another's sum, and where the tiles do not all fit the workspace, the sums of a turn are added to those before
in their order: the same bits in every run.
"""
