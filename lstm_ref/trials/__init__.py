"""Small models of chapter 8, each trained on a task where its gate matters.

`reading` has gated attention, `overwriting` a Neural Turing Machine, `switching` the variable
selection of the Temporal Fusion Transformer, `parity` recurrent layers that must track a state.
Each comes with the same model without its gate, to be trained on the same data.
"""
