#pragma once
/* Limits of H.264 for VNC viewers (host/vnc/film.h). */
#define TB_LIMIT_VNC_FILM_UNITS                                                                              \
        60 /* access units that wait for one viewer: two seconds at the encoder's rate; who is behind more gets pictures by themselves */
