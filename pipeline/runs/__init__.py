"""Whose fine-tune is running: a run is a folder, its worker a process.

supervisor    starts workers, looks after them, ends them
queue         who may start a run, whose turn it is, how long one waits
same          which run is the same as another
grid          two settings, some values of each: a run for each cell, as one job
parcel        what of a run's files travels to another machine, and back
progress      a run as its folder tells it
pace          how long runs take
folder        the files of a run's folder, read with suspicion
liveness      which process trains a run, and whether it is alive
cleanup       what is removed, and when
worker        what runs inside the process that trains
executors/    where a worker runs: local, zero_gpu, ray
health        what a probe is told

A run's folder, runs/<id>/:

config.json         what was asked for; written once, by whoever starts the run
owner               sha256 of the secret that may stop it
visitor             sha256 of whom it counts for: a browser, a network address
worker              who trains here: process, when it started
curve               sha256 of all that decides its curve
grid                the grid that asked for it; a single run has none
events.jsonl        what has happened, one JSON object a line, written by the worker
stop                there once somebody asked it to stop
ended               the last event of a run whose worker was ended before it could write one
worker.log          what the worker wrote on its terminal
predictions.json    what the model answered for each validation pair, before and after
lora.safetensors    LoRA's matrices, before they were added into the weights
model/              what it left

Nothing about a run is kept anywhere else, so a refreshed page, a second visitor and a restarted
server all read the same. One server looks after a folder of runs; one that is just ending may share
it with its successor on the same machine for a while.
"""
