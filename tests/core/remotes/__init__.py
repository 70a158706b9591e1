"""Tests of what reaches files on other machines."""
