"""Options of every command that trains; their values are fields of ``LoopSettings`` of the same names."""

from __future__ import annotations

import click

from squeezebert.cli import options

loop_options = options.adding(
    click.option(
        "--epochs", type=float, metavar="N",
        help="Passes over the training rows, also a fraction.  [default: 3]",
    ),
    click.option("--steps", type=int, metavar="N", help="Steps of the run, in place of --epochs."),
    click.option("--tokens", type=int, metavar="N", help="Tokens of the run, in place of --epochs."),
    click.option(
        "--micro-batch-size", type=int, metavar="N",
        help="Compute a batch in parts of N, in less memory, with the same result; but for what compares or "
        "pads in a part: vectors, answers to questions and choices.",
    ),
    click.option("--optimizer", metavar="NAME", default="adamw", show_default=True, help="adamw or lamb."),
    click.option(
        "--lamb-dialect", metavar="NAME", default="paper", show_default=True, help="paper or nvidia."
    ),
    click.option(
        "--learning-rate", type=float, default=1e-4, show_default=True,
        help="Its peak; 3e-5 suits models of base size.",
    ),
    click.option(
        "--schedule", metavar="NAME", default="linear", show_default=True,
        help="How the learning rate falls: linear or cosine to 0, or constant.",
    ),
    click.option(
        "--warmup", type=float, default=0.06, show_default=True,
        help="Share of the run in which the learning rate rises before.",
    ),
    click.option(
        "--layer-decay", type=float, default=1.0, show_default=True,
        help="Factor of the learning rate from each block to the one before it.",
    ),
    click.option(
        "--weight-decay", type=float, default=0.01, show_default=True, help="Of all but biases and norms."
    ),
    click.option(
        "--beta2", type=float, default=0.999, show_default=True, help="Memory for squared gradients."
    ),
    click.option(
        "--max-grad-norm", type=float, default=1.0, show_default=True, help="Longest gradient."
    ),
    click.option(
        "--precision", default="auto", show_default=True, metavar="NAME", help="auto, fp32, tf32 or bf16."
    ),
    click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1; a GPU if there is one."),
    click.option("--compile", is_flag=True, help="Compile the encoder, which pays in long runs on a GPU."),
    click.option(
        "--checkpoint-activations", is_flag=True,
        help="Compute each block twice instead of keeping what it computed: less memory.",
    ),
    click.option(
        "--evaluate-every", type=int, metavar="STEPS",
        help="Steps between evaluations; one an epoch if left out.",
    ),
    click.option(
        "--patience", type=int, metavar="N", help="End the run after N evaluations that were no better."
    ),
    click.option(
        "--save-every", type=float, default=3.0, show_default=True, metavar="MINUTES",
        help="Minutes between the states that --resume goes on from.",
    ),
    click.option(
        "--stop-after", type=float, metavar="MINUTES",
        help="Save the state and stop after so many minutes, with exit code 3 if the run is not finished.",
    ),
    options.threads_option,
    click.option("--seed", type=int, default=0, show_default=True, help="Decides everything that is random."),
)  # fmt: skip
