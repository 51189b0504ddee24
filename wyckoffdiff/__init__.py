"""WyckoffDiff: a discrete diffusion model of protostructures (Ekström Kelvinius et al., ICML 2025)."""
