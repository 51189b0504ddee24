"""Wrenformer: a transformer over the Wyckoff positions of a protostructure, trained on formation energies.

`encoder` is the plugin, `train` and `train_command` make weights, `featurise` and `network` are what both share.
Method: Goodall et al., doi 10.1126/sciadv.abn4117 (Wyckoff representation); Riebesell et al., arXiv 2308.14920
(Wrenformer). The class of the network and the tables of features are those of the library aviary.
"""
