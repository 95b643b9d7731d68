"""What county and public pages share: routes as data, a safe browser, the look of paper.

Knows the hub's errors and the forms, and no service: what a page does stands in `admin`, `public`.
"""
