# SPDX-License-Identifier: MIT
# What the host tool is linked with: libelf reads the programs of the host.

TOOL_LIBS := -lelf
