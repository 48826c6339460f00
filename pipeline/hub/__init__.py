"""The Hub: whether it can be asked, and what may come from it.

availability   bounded questions, and for how long a Hub that failed is left alone
repository     a visitor's repository: its listing, its limits, its files
isolated.ask   function(name, …), where that checkpoint may be opened
"""
