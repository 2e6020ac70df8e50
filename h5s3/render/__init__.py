"""Turning what was found into text: tables, trees and plots."""
