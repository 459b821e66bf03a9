#pragma once
/*
 * A session of a Redfish controller: the password is shown once, a token goes with the requests that follow. Controllers have room for
 * few sessions: one is ended when its attachment closes. Thread: the lane's worker. Source: DMTF DSP0266 §13.3.4.
 */
#include "drivers/transport/http_device.h"

typedef struct TbRedfishSession {
        const char *user, *password; /* borrowed; password NULL: no sessions, the other fields are empty */
        char *token, *place;         /* owned; place: what is deleted in the end, NULL: it did not say */
        const char *headers[3];
} TbRedfishSession;

/* A new one, in place of the one that there may be; `device` sends its token from then on. */
bool tb_redfish_session_begin(TbRedfishSession *session, TbHttpDevice *device, TbIo *io, GError **error);
/* Told to the controller where it takes that within a second. */
void tb_redfish_session_end(TbRedfishSession *session, TbHttpDevice *device);
