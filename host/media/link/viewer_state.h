#pragma once
/* How far a viewer's connection is: the same on both sides of the link. */
typedef enum TbViewerState {
        TB_VIEWER_NEW,        /* no answer yet */
        TB_VIEWER_CONNECTING, /* answered */
        TB_VIEWER_CONNECTED,
        TB_VIEWER_DISCONNECTED, /* ICE lost the other side; may come back */
        TB_VIEWER_CLOSED,
} TbViewerState;

const char *tb_viewer_state_name(TbViewerState state); /* static */
