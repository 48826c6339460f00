"""The machine, without a screen. The stages in the order in which a pair goes through them:

    sources       a name                     -> tokenizer, model, and where they came from
    dataset       a source of pairs          -> raw_datasets (DatasetDict: sentence1, sentence2,
    label, idx) tokenization  raw pairs                  -> encodings (input_ids, token_type_ids,
    attention_mask) collation     encodings                  -> one padded batch (batch, seq_len),
    and what the padding costs why           one cell of a grid         -> why it holds what it
    holds metrics       logits and labels          -> accuracy and F1 training
    tokenized_datasets         -> a fine-tuned checkpoint, told as events runs          a config
    -> a folder and a process that trains in it prediction    checkpoint + pairs         -> labels
    and probabilities experiments   a visitor's pair or rows   -> what the course says about them,
    tried on the spot

A later stage may import an earlier one, never back. Nothing here imports gradio, and importing does
no work.
"""
