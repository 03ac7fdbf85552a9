"""SunSpec models as data: the offset, type and scale factor of every point that the project may read or write.

Facts from the SunSpec Alliance's model definitions (sunspec/models at 7abdf89, Apache-2.0; see NOTICE). One point is
``name@offset:type``, with ``/n`` for text of n registers and ``*S`` for a scale factor S; offsets count registers from
the model's ID register. Points of a nested group carry the group's name. `tests/property/test_sunspec_models.py`
compares every model with pysunspec2.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pcs.codec.registers import TYPES, Field

_COMMON = """
    Mn@2:string/16 Md@18:string/16 Opt@34:string/8 Vr@42:string/8 SN@50:string/16 DA@66:uint16
"""

_INVERTER_INT = """
    A@2:uint16*A_SF AphA@3:uint16*A_SF AphB@4:uint16*A_SF AphC@5:uint16*A_SF A_SF@6:sunssf PPVphAB@7:uint16*V_SF
    PPVphBC@8:uint16*V_SF PPVphCA@9:uint16*V_SF PhVphA@10:uint16*V_SF PhVphB@11:uint16*V_SF
    PhVphC@12:uint16*V_SF V_SF@13:sunssf W@14:int16*W_SF W_SF@15:sunssf Hz@16:uint16*Hz_SF Hz_SF@17:sunssf
    VA@18:int16*VA_SF VA_SF@19:sunssf VAr@20:int16*VAr_SF VAr_SF@21:sunssf PF@22:int16*PF_SF PF_SF@23:sunssf
    WH@24:acc32*WH_SF WH_SF@26:sunssf DCA@27:uint16*DCA_SF DCA_SF@28:sunssf DCV@29:uint16*DCV_SF
    DCV_SF@30:sunssf DCW@31:int16*DCW_SF DCW_SF@32:sunssf TmpCab@33:int16*Tmp_SF TmpSnk@34:int16*Tmp_SF
    TmpTrns@35:int16*Tmp_SF TmpOt@36:int16*Tmp_SF Tmp_SF@37:sunssf St@38:enum16 StVnd@39:enum16
    Evt1@40:bitfield32 Evt2@42:bitfield32 EvtVnd1@44:bitfield32 EvtVnd2@46:bitfield32 EvtVnd3@48:bitfield32
    EvtVnd4@50:bitfield32
"""

_INVERTER_FLOAT = """
    A@2:float32 AphA@4:float32 AphB@6:float32 AphC@8:float32 PPVphAB@10:float32 PPVphBC@12:float32
    PPVphCA@14:float32 PhVphA@16:float32 PhVphB@18:float32 PhVphC@20:float32 W@22:float32 Hz@24:float32
    VA@26:float32 VAr@28:float32 PF@30:float32 WH@32:float32 DCA@34:float32 DCV@36:float32 DCW@38:float32
    TmpCab@40:float32 TmpSnk@42:float32 TmpTrns@44:float32 TmpOt@46:float32 St@48:enum16 StVnd@49:enum16
    Evt1@50:bitfield32 Evt2@52:bitfield32 EvtVnd1@54:bitfield32 EvtVnd2@56:bitfield32 EvtVnd3@58:bitfield32
    EvtVnd4@60:bitfield32
"""

_NAMEPLATE = """
    DERTyp@2:enum16 WRtg@3:uint16*WRtg_SF WRtg_SF@4:sunssf VARtg@5:uint16*VARtg_SF VARtg_SF@6:sunssf
    VArRtgQ1@7:int16*VArRtg_SF VArRtgQ2@8:int16*VArRtg_SF VArRtgQ3@9:int16*VArRtg_SF VArRtgQ4@10:int16*VArRtg_SF
    VArRtg_SF@11:sunssf ARtg@12:uint16*ARtg_SF ARtg_SF@13:sunssf PFRtgQ1@14:int16*PFRtg_SF
    PFRtgQ2@15:int16*PFRtg_SF PFRtgQ3@16:int16*PFRtg_SF PFRtgQ4@17:int16*PFRtg_SF PFRtg_SF@18:sunssf
    WHRtg@19:uint16*WHRtg_SF WHRtg_SF@20:sunssf AhrRtg@21:uint16*AhrRtg_SF AhrRtg_SF@22:sunssf
    MaxChaRte@23:uint16*MaxChaRte_SF MaxChaRte_SF@24:sunssf MaxDisChaRte@25:uint16*MaxDisChaRte_SF
    MaxDisChaRte_SF@26:sunssf
"""

_BASIC_SETTINGS = """
    WMax@2:uint16*WMax_SF VRef@3:uint16*VRef_SF VRefOfs@4:int16*VRefOfs_SF VMax@5:uint16*VMinMax_SF
    VMin@6:uint16*VMinMax_SF VAMax@7:uint16*VAMax_SF VArMaxQ1@8:int16*VArMax_SF VArMaxQ2@9:int16*VArMax_SF
    VArMaxQ3@10:int16*VArMax_SF VArMaxQ4@11:int16*VArMax_SF WGra@12:uint16*WGra_SF PFMinQ1@13:int16*PFMin_SF
    PFMinQ2@14:int16*PFMin_SF PFMinQ3@15:int16*PFMin_SF PFMinQ4@16:int16*PFMin_SF VArAct@17:enum16
    ClcTotVA@18:enum16 MaxRmpRte@19:uint16*MaxRmpRte_SF ECPNomHz@20:uint16*ECPNomHz_SF ConnPh@21:enum16
    WMax_SF@22:sunssf VRef_SF@23:sunssf VRefOfs_SF@24:sunssf VMinMax_SF@25:sunssf VAMax_SF@26:sunssf
    VArMax_SF@27:sunssf WGra_SF@28:sunssf PFMin_SF@29:sunssf MaxRmpRte_SF@30:sunssf ECPNomHz_SF@31:sunssf
"""

_MEASUREMENTS_STATUS = """
    PVConn@2:bitfield16 StorConn@3:bitfield16 ECPConn@4:bitfield16 ActWh@5:acc64 ActVAh@9:acc64
    ActVArhQ1@13:acc64 ActVArhQ2@17:acc64 ActVArhQ3@21:acc64 ActVArhQ4@25:acc64 VArAval@29:int16*VArAval_SF
    VArAval_SF@30:sunssf WAval@31:uint16*WAval_SF WAval_SF@32:sunssf StSetLimMsk@33:bitfield32
    StActCtl@35:bitfield32 TmSrc@37:string/4 Tms@41:uint32 RtSt@43:bitfield16 Ris@44:uint16*Ris_SF
    Ris_SF@45:sunssf
"""

_IMMEDIATE_CONTROLS = """
    Conn_WinTms@2:uint16 Conn_RvrtTms@3:uint16 Conn@4:enum16 WMaxLimPct@5:uint16*WMaxLimPct_SF
    WMaxLimPct_WinTms@6:uint16 WMaxLimPct_RvrtTms@7:uint16 WMaxLimPct_RmpTms@8:uint16 WMaxLim_Ena@9:enum16
    OutPFSet@10:int16*OutPFSet_SF OutPFSet_WinTms@11:uint16 OutPFSet_RvrtTms@12:uint16 OutPFSet_RmpTms@13:uint16
    OutPFSet_Ena@14:enum16 VArWMaxPct@15:int16*VArPct_SF VArMaxPct@16:int16*VArPct_SF
    VArAvalPct@17:int16*VArPct_SF VArPct_WinTms@18:uint16 VArPct_RvrtTms@19:uint16 VArPct_RmpTms@20:uint16
    VArPct_Mod@21:enum16 VArPct_Ena@22:enum16 WMaxLimPct_SF@23:sunssf OutPFSet_SF@24:sunssf VArPct_SF@25:sunssf
"""

_METER_INT = """
    A@2:int16*A_SF AphA@3:int16*A_SF AphB@4:int16*A_SF AphC@5:int16*A_SF A_SF@6:sunssf PhV@7:int16*V_SF
    PhVphA@8:int16*V_SF PhVphB@9:int16*V_SF PhVphC@10:int16*V_SF PPV@11:int16*V_SF PhVphAB@12:int16*V_SF
    PhVphBC@13:int16*V_SF PhVphCA@14:int16*V_SF V_SF@15:sunssf Hz@16:int16*Hz_SF Hz_SF@17:sunssf W@18:int16*W_SF
    WphA@19:int16*W_SF WphB@20:int16*W_SF WphC@21:int16*W_SF W_SF@22:sunssf VA@23:int16*VA_SF
    VAphA@24:int16*VA_SF VAphB@25:int16*VA_SF VAphC@26:int16*VA_SF VA_SF@27:sunssf VAR@28:int16*VAR_SF
    VARphA@29:int16*VAR_SF VARphB@30:int16*VAR_SF VARphC@31:int16*VAR_SF VAR_SF@32:sunssf PF@33:int16*PF_SF
    PFphA@34:int16*PF_SF PFphB@35:int16*PF_SF PFphC@36:int16*PF_SF PF_SF@37:sunssf TotWhExp@38:acc32*TotWh_SF
    TotWhExpPhA@40:acc32*TotWh_SF TotWhExpPhB@42:acc32*TotWh_SF TotWhExpPhC@44:acc32*TotWh_SF
    TotWhImp@46:acc32*TotWh_SF TotWhImpPhA@48:acc32*TotWh_SF TotWhImpPhB@50:acc32*TotWh_SF
    TotWhImpPhC@52:acc32*TotWh_SF TotWh_SF@54:sunssf TotVAhExp@55:acc32*TotVAh_SF
    TotVAhExpPhA@57:acc32*TotVAh_SF TotVAhExpPhB@59:acc32*TotVAh_SF TotVAhExpPhC@61:acc32*TotVAh_SF
    TotVAhImp@63:acc32*TotVAh_SF TotVAhImpPhA@65:acc32*TotVAh_SF TotVAhImpPhB@67:acc32*TotVAh_SF
    TotVAhImpPhC@69:acc32*TotVAh_SF TotVAh_SF@71:sunssf TotVArhImpQ1@72:acc32*TotVArh_SF
    TotVArhImpQ1PhA@74:acc32*TotVArh_SF TotVArhImpQ1PhB@76:acc32*TotVArh_SF TotVArhImpQ1PhC@78:acc32*TotVArh_SF
    TotVArhImpQ2@80:acc32*TotVArh_SF TotVArhImpQ2PhA@82:acc32*TotVArh_SF TotVArhImpQ2PhB@84:acc32*TotVArh_SF
    TotVArhImpQ2PhC@86:acc32*TotVArh_SF TotVArhExpQ3@88:acc32*TotVArh_SF TotVArhExpQ3PhA@90:acc32*TotVArh_SF
    TotVArhExpQ3PhB@92:acc32*TotVArh_SF TotVArhExpQ3PhC@94:acc32*TotVArh_SF TotVArhExpQ4@96:acc32*TotVArh_SF
    TotVArhExpQ4PhA@98:acc32*TotVArh_SF TotVArhExpQ4PhB@100:acc32*TotVArh_SF
    TotVArhExpQ4PhC@102:acc32*TotVArh_SF TotVArh_SF@104:sunssf Evt@105:bitfield32
"""

_METER_FLOAT = """
    A@2:float32 AphA@4:float32 AphB@6:float32 AphC@8:float32 PhV@10:float32 PhVphA@12:float32 PhVphB@14:float32
    PhVphC@16:float32 PPV@18:float32 PPVphAB@20:float32 PPVphBC@22:float32 PPVphCA@24:float32 Hz@26:float32
    W@28:float32 WphA@30:float32 WphB@32:float32 WphC@34:float32 VA@36:float32 VAphA@38:float32 VAphB@40:float32
    VAphC@42:float32 VAR@44:float32 VARphA@46:float32 VARphB@48:float32 VARphC@50:float32 PF@52:float32
    PFphA@54:float32 PFphB@56:float32 PFphC@58:float32 TotWhExp@60:float32 TotWhExpPhA@62:float32
    TotWhExpPhB@64:float32 TotWhExpPhC@66:float32 TotWhImp@68:float32 TotWhImpPhA@70:float32
    TotWhImpPhB@72:float32 TotWhImpPhC@74:float32 TotVAhExp@76:float32 TotVAhExpPhA@78:float32
    TotVAhExpPhB@80:float32 TotVAhExpPhC@82:float32 TotVAhImp@84:float32 TotVAhImpPhA@86:float32
    TotVAhImpPhB@88:float32 TotVAhImpPhC@90:float32 TotVArhImpQ1@92:float32 TotVArhImpQ1phA@94:float32
    TotVArhImpQ1phB@96:float32 TotVArhImpQ1phC@98:float32 TotVArhImpQ2@100:float32 TotVArhImpQ2phA@102:float32
    TotVArhImpQ2phB@104:float32 TotVArhImpQ2phC@106:float32 TotVArhExpQ3@108:float32 TotVArhExpQ3phA@110:float32
    TotVArhExpQ3phB@112:float32 TotVArhExpQ3phC@114:float32 TotVArhExpQ4@116:float32 TotVArhExpQ4phA@118:float32
    TotVArhExpQ4phB@120:float32 TotVArhExpQ4phC@122:float32 Evt@124:bitfield32
"""

_DER_MEASUREMENT = """
    ACType@2:enum16 St@3:enum16 InvSt@4:enum16 ConnSt@5:enum16 Alrm@6:bitfield32 DERMode@8:bitfield32
    W@10:int16*W_SF VA@11:int16*VA_SF Var@12:int16*Var_SF PF@13:int16*PF_SF A@14:int16*A_SF LLV@15:uint16*V_SF
    LNV@16:uint16*V_SF Hz@17:uint32*Hz_SF TotWhInj@19:uint64*TotWh_SF TotWhAbs@23:uint64*TotWh_SF
    TotVarhInj@27:uint64*TotVarh_SF TotVarhAbs@31:uint64*TotVarh_SF TmpAmb@35:int16*Tmp_SF
    TmpCab@36:int16*Tmp_SF TmpSnk@37:int16*Tmp_SF TmpTrns@38:int16*Tmp_SF TmpSw@39:int16*Tmp_SF
    TmpOt@40:int16*Tmp_SF WL1@41:int16*W_SF VAL1@42:int16*VA_SF VarL1@43:int16*Var_SF PFL1@44:int16*PF_SF
    AL1@45:int16*A_SF VL1L2@46:uint16*V_SF VL1@47:uint16*V_SF TotWhInjL1@48:uint64*TotWh_SF
    TotWhAbsL1@52:uint64*TotWh_SF TotVarhInjL1@56:uint64*TotVarh_SF TotVarhAbsL1@60:uint64*TotVarh_SF
    WL2@64:int16*W_SF VAL2@65:int16*VA_SF VarL2@66:int16*Var_SF PFL2@67:int16*PF_SF AL2@68:int16*A_SF
    VL2L3@69:uint16*V_SF VL2@70:uint16*V_SF TotWhInjL2@71:uint64*TotWh_SF TotWhAbsL2@75:uint64*TotWh_SF
    TotVarhInjL2@79:uint64*TotVarh_SF TotVarhAbsL2@83:uint64*TotVarh_SF WL3@87:int16*W_SF VAL3@88:int16*VA_SF
    VarL3@89:int16*Var_SF PFL3@90:int16*PF_SF AL3@91:int16*A_SF VL3L1@92:uint16*V_SF VL3@93:uint16*V_SF
    TotWhInjL3@94:uint64*TotWh_SF TotWhAbsL3@98:uint64*TotWh_SF TotVarhInjL3@102:uint64*TotVarh_SF
    TotVarhAbsL3@106:uint64*TotVarh_SF ThrotPct@110:uint16 ThrotSrc@111:bitfield32 A_SF@113:sunssf
    V_SF@114:sunssf Hz_SF@115:sunssf W_SF@116:sunssf PF_SF@117:sunssf VA_SF@118:sunssf Var_SF@119:sunssf
    TotWh_SF@120:sunssf TotVarh_SF@121:sunssf Tmp_SF@122:sunssf MnAlrmInfo@123:string/32
"""

_DER_CAPACITY = """
    WMaxRtg@2:uint16*W_SF WOvrExtRtg@3:uint16*W_SF WOvrExtRtgPF@4:uint16*PF_SF WUndExtRtg@5:uint16*W_SF
    WUndExtRtgPF@6:uint16*PF_SF VAMaxRtg@7:uint16*VA_SF VarMaxInjRtg@8:uint16*Var_SF
    VarMaxAbsRtg@9:uint16*Var_SF WChaRteMaxRtg@10:uint16*W_SF WDisChaRteMaxRtg@11:uint16*W_SF
    VAChaRteMaxRtg@12:uint16*VA_SF VADisChaRteMaxRtg@13:uint16*VA_SF VNomRtg@14:uint16*V_SF
    VMaxRtg@15:uint16*V_SF VMinRtg@16:uint16*V_SF AMaxRtg@17:uint16*A_SF PFOvrExtRtg@18:uint16*PF_SF
    PFUndExtRtg@19:uint16*PF_SF ReactSusceptRtg@20:uint16*S_SF NorOpCatRtg@21:enum16 AbnOpCatRtg@22:enum16
    CtrlModes@23:bitfield32 IntIslandCatRtg@25:bitfield16 WMax@26:uint16*W_SF WMaxOvrExt@27:uint16*W_SF
    WOvrExtPF@28:uint16*PF_SF WMaxUndExt@29:uint16*W_SF WUndExtPF@30:uint16*PF_SF VAMax@31:uint16*VA_SF
    VarMaxInj@32:uint16*Var_SF VarMaxAbs@33:uint16*Var_SF WChaRteMax@34:uint16*W_SF WDisChaRteMax@35:uint16*W_SF
    VAChaRteMax@36:uint16*VA_SF VADisChaRteMax@37:uint16*VA_SF VNom@38:uint16*V_SF VMax@39:uint16*V_SF
    VMin@40:uint16*V_SF AMax@41:uint16*A_SF PFOvrExt@42:uint16*PF_SF PFUndExt@43:uint16*PF_SF
    IntIslandCat@44:bitfield16 W_SF@45:sunssf PF_SF@46:sunssf VA_SF@47:sunssf Var_SF@48:sunssf V_SF@49:sunssf
    A_SF@50:sunssf S_SF@51:sunssf
"""

_DER_CONTROLS = """
    PFWInjEna@2:enum16 PFWInjEnaRvrt@3:enum16 PFWInjRvrtTms@4:uint32 PFWInjRvrtRem@6:uint32 PFWAbsEna@8:enum16
    PFWAbsEnaRvrt@9:enum16 PFWAbsRvrtTms@10:uint32 PFWAbsRvrtRem@12:uint32 WMaxLimPctEna@14:enum16
    WMaxLimPct@15:uint16*WMaxLimPct_SF WMaxLimPctRvrt@16:uint16*WMaxLimPct_SF WMaxLimPctEnaRvrt@17:enum16
    WMaxLimPctRvrtTms@18:uint32 WMaxLimPctRvrtRem@20:uint32 WSetEna@22:enum16 WSetMod@23:enum16
    WSet@24:int32*WSet_SF WSetRvrt@26:int32*WSet_SF WSetPct@28:int16*WSetPct_SF WSetPctRvrt@29:int16*WSetPct_SF
    WSetEnaRvrt@30:enum16 WSetRvrtTms@31:uint32 WSetRvrtRem@33:uint32 VarSetEna@35:enum16 VarSetMod@36:enum16
    VarSetPri@37:enum16 VarSet@38:int32*VarSet_SF VarSetRvrt@40:int32*VarSet_SF VarSetPct@42:int16*VarSetPct_SF
    VarSetPctRvrt@43:int16*VarSetPct_SF VarSetEnaRvrt@44:enum16 VarSetRvrtTms@45:uint32 VarSetRvrtRem@47:uint32
    WRmp@49:uint16 WRmpRef@50:enum16 VarRmp@51:uint16 AntiIslEna@52:enum16 PF_SF@53:sunssf
    WMaxLimPct_SF@54:sunssf WSet_SF@55:sunssf WSetPct_SF@56:sunssf VarSet_SF@57:sunssf VarSetPct_SF@58:sunssf
    PFWInj.PF@59:uint16*PF_SF PFWInj.Ext@60:enum16 PFWInjRvrt.PF@61:uint16*PF_SF PFWInjRvrt.Ext@62:enum16
    PFWAbs.PF@63:uint16*PF_SF PFWAbs.Ext@64:enum16 PFWAbsRvrt.PF@65:uint16*PF_SF PFWAbsRvrt.Ext@66:enum16
"""

_STORAGE_CONTROLS = """
    WChaMax@2:uint16*WChaMax_SF WChaGra@3:uint16*WChaDisChaGra_SF WDisChaGra@4:uint16*WChaDisChaGra_SF
    StorCtl_Mod@5:bitfield16 VAChaMax@6:uint16*VAChaMax_SF MinRsvPct@7:uint16*MinRsvPct_SF
    ChaState@8:uint16*ChaState_SF StorAval@9:uint16*StorAval_SF InBatV@10:uint16*InBatV_SF ChaSt@11:enum16
    OutWRte@12:int16*InOutWRte_SF InWRte@13:int16*InOutWRte_SF InOutWRte_WinTms@14:uint16
    InOutWRte_RvrtTms@15:uint16 InOutWRte_RmpTms@16:uint16 ChaGriSet@17:enum16 WChaMax_SF@18:sunssf
    WChaDisChaGra_SF@19:sunssf VAChaMax_SF@20:sunssf MinRsvPct_SF@21:sunssf ChaState_SF@22:sunssf
    StorAval_SF@23:sunssf InBatV_SF@24:sunssf InOutWRte_SF@25:sunssf
"""

_DER_STORAGE = """
    WHRtg@2:uint16*WH_SF WHAvail@3:uint16*WH_SF SoC@4:uint16*Pct_SF SoH@5:uint16*Pct_SF Sta@6:enum16 WH_SF@7:sunssf
    Pct_SF@8:sunssf
"""

_BATTERY = """
    AHRtg@2:uint16*AHRtg_SF WHRtg@3:uint16*WHRtg_SF WChaRteMax@4:uint16*WChaDisChaMax_SF
    WDisChaRteMax@5:uint16*WChaDisChaMax_SF DisChaRte@6:uint16*DisChaRte_SF SoCMax@7:uint16*SoC_SF
    SoCMin@8:uint16*SoC_SF SocRsvMax@9:uint16*SoC_SF SoCRsvMin@10:uint16*SoC_SF SoC@11:uint16*SoC_SF
    DoD@12:uint16*DoD_SF SoH@13:uint16*SoH_SF NCyc@14:uint32 ChaSt@16:enum16 LocRemCtl@17:enum16 Hb@18:uint16
    CtrlHb@19:uint16 AlmRst@20:uint16 Typ@21:enum16 State@22:enum16 StateVnd@23:enum16 WarrDt@24:uint32
    Evt1@26:bitfield32 Evt2@28:bitfield32 EvtVnd1@30:bitfield32 EvtVnd2@32:bitfield32 V@34:uint16*V_SF
    VMax@35:uint16*V_SF VMin@36:uint16*V_SF CellVMax@37:uint16*CellV_SF CellVMaxStr@38:uint16 CellVMaxMod@39:uint16
    CellVMin@40:uint16*CellV_SF CellVMinStr@41:uint16 CellVMinMod@42:uint16 CellVAvg@43:uint16*CellV_SF
    A@44:int16*A_SF AChaMax@45:uint16*AMax_SF ADisChaMax@46:uint16*AMax_SF W@47:int16*W_SF ReqInvState@48:enum16
    ReqW@49:int16*W_SF SetOp@50:enum16 SetInvState@51:enum16 AHRtg_SF@52:sunssf WHRtg_SF@53:sunssf
    WChaDisChaMax_SF@54:sunssf DisChaRte_SF@55:sunssf SoC_SF@56:sunssf DoD_SF@57:sunssf SoH_SF@58:sunssf
    V_SF@59:sunssf CellV_SF@60:sunssf A_SF@61:sunssf AMax_SF@62:sunssf W_SF@63:sunssf
"""


def _fields(table: str) -> Mapping[str, Field]:
    """Parse one of the tables above."""
    fields = {}
    for token in table.split():
        name, _, rest = token.partition("@")
        offset, _, kind = rest.partition(":")
        kind, _, scale = kind.partition("*")
        kind, _, words = kind.partition("/")
        fields[name] = Field(
            name=name,
            offset=int(offset),
            type=kind,
            words=int(words) if words else TYPES[kind].words,
            scale=scale or None,
        )
    return MappingProxyType(fields)


_METER = _fields(_METER_INT)
_INVERTER, _INVERTER_F, _METER_F = _fields(_INVERTER_INT), _fields(_INVERTER_FLOAT), _fields(_METER_FLOAT)

MODELS: Mapping[int, Mapping[str, Field]] = MappingProxyType(
    {
        1: _fields(_COMMON),
        **dict.fromkeys((101, 102, 103), _INVERTER),
        **dict.fromkeys((111, 112, 113), _INVERTER_F),
        120: _fields(_NAMEPLATE),
        121: _fields(_BASIC_SETTINGS),
        122: _fields(_MEASUREMENTS_STATUS),
        123: _fields(_IMMEDIATE_CONTROLS),
        124: _fields(_STORAGE_CONTROLS),
        **dict.fromkeys((201, 202, 203, 204), _METER),
        **dict.fromkeys((211, 212, 213, 214), _METER_F),
        701: _fields(_DER_MEASUREMENT),
        702: _fields(_DER_CAPACITY),
        704: _fields(_DER_CONTROLS),
        713: _fields(_DER_STORAGE),
        802: _fields(_BATTERY),
    }
)
"""Points by model number and name. Model 201 is listed with the phase-to-phase names of its siblings."""
