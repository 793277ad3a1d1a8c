"""Agents: the programs on customers' servers, their keys and their presence."""

from agents.models.agents import Agent, AgentQuerySet, Presence

__all__ = ["Agent", "AgentQuerySet", "Presence"]
