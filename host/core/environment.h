#pragma once
/*
 * The environment of a host that was VirtualPyTest's: its .env starts this one. DEVICE{i}_* become devices, HOST_* are taken where
 * they mean something here, and what means nothing any more is noted, by name and never by value. Main thread, once at start.
 */
#include "host/core/config.h"
#include "lib/config.h"

/* Adds devices to `c`, in place of those of the file that have the same id, and notes. Malformed variables are problems that bear
 * their name. */
void tb_environment_read(TbHostConfig *c, TbConfigReader *r);
