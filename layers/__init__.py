"""The study notes, executed: every claim run, every layer to play with. torch alone; no screen.

    python -m layers                       all claims with their verdicts
    python -m layers pool-class-pads-zero  one claim, with its code and what the run gave

    claims/            each checkable statement and open question of the notes as a Claim, one file
    a section
      claim.py         Claim, Evidence, and verdict_of(): evidence -> holds | corrected | answered |
      outdated materials.py     what the Hugging Face claims run on: pairs, the embedded checkpoint,
      tiny models conv.py  pooling.py  normalization.py  dropout.py  losses.py  torch_map.py
      updater.py     the PyTorch half tokenizing.py  collating.py  training.py
      the Hugging Face half
    play/              a layer's settings -> shapes with the formula in numbers, and the tensors as
    lists
      shapes.py  conv.py  windows.py  pooling.py  normalization.py  dropout.py  losses.py
      worked.py        formulas with their numbers put in
    updater.py         d2l's squared_loss and sgd against MSELoss and torch.optim.SGD, as curves

transformers and datasets are imported only inside the claims that need them.
"""
