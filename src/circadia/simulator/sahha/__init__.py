"""Sahha, simulated on this machine: the same people as the simulated WHOOP's, seen by other sensors."""

from circadia.simulator.sahha.sahha import SahhaSimulator
from circadia.simulator.sahha.senses import Device
from circadia.simulator.sahha.switches import Switches

__all__ = ["Device", "SahhaSimulator", "Switches"]
