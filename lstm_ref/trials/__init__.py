"""Small models that the book trains in its pages, each on a task where what it has matters.

Chapter 1: `recall`, a plain network against an LSTM at growing lags. Chapters 4 and 5:
`comparison`, every cell on the same two tasks. Chapter 6: `agreement`, whose units are then looked
at. Chapter 7: `speaking`, classifiers of spoken vowels; `ngram` and
`spelling`, models of a text by counting and by an LSTM; `volatility`, forecasts of how much prices
move. Chapter 8: `reading` has gated attention, `overwriting` a Neural Turing Machine, `switching`
the variable selection of the Temporal Fusion Transformer, each also without its gate and on the
same data; `parity` has recurrent layers that must track a state.
"""
