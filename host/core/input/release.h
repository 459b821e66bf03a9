#pragma once
/*
 * When something is let go: a connection ended (tb_core_left() of core.h), a lease changed hands, a call by REST was
 * followed by no other one for TB_LIMIT_INPUT_REST_MS. What is let go comes up by a call of the lane's own, behind what
 * the connection had sent, and before anything that comes later. Main thread, but for tb_release_sweep().
 */
#include "host/core/private.h"

/* Everybody lets go of the device: who may control it has changed. */
void tb_release_device(TbDevice *device);
/* A call of a caller without a connection begins, and is over. */
void tb_release_resume(TbInterface *iface, const char *who);
void tb_release_linger(TbInterface *iface, const char *who);
void tb_release_forget(TbInterface *iface); /* the interface goes */
/* On the worker: lifts what was let go. The driver's complaints are its log's: the device is as it is. */
void tb_release_sweep(TbHolds *holds, TbInstance *instance, TbIo *io);
