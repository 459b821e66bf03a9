#pragma once
/* The version of this build: git's description of it. */
extern const char tb_version[];
