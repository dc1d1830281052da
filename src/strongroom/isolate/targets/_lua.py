"""The judge of Slurm's jobs in Lua, for slurmctld: the same clauses as `isolate/slurm.py`, in the words of job_submit/lua.

What it cannot see as that judge does (a job record without a field) it takes for the worse. A test holds the two together.
"""

JUDGE = r"""
-- Made by `strongroom isolate render slurm`; the rule is in it, the facts of the cluster are in strongroom_facts.lua.
local rule = @RULE@
local facts = dofile("@FACTS@")
local FIELDS = {"account", "qos", "partition", "tres_per_node", "tres_per_job", "tres_per_task", "tres_per_socket",
  "features", "shared", "min_nodes", "max_nodes", "num_tasks", "reservation"}
local WHOLE, CC_WHOLE, MIG, MPS, SHARED, UNKNOWN = 1, 0, 2, 3, 4, 5
local NAMES = {[0] = "cc-whole", "whole", "mig", "mps", "shared", "unknown"}

local function said(v)
  if v == nil or v == "" or v == "(null)" or v == "N/A" then return nil end
  if type(v) == "number" and (v == 4294967294 or v == 65534 or v == 4294967295 or v == 65535 or v < 0 or v > 4294967290) then return nil end
  return v
end

local function parts(text)
  local found = {}
  for one in tostring(text):gmatch("[^,]+") do
    one = one:gsub("^%s+", ""):gsub("%s+$", "")
    if one ~= "" then found[#found + 1] = one end
  end
  return found
end

-- One resource as {kind, type, number}; nil for what is no GPU, and an error for a number that is none.
local function gres(item)
  local text = item:lower():gsub("=", ":"):gsub("^gres[/:]", "")
  local words = {}
  for w in (text .. ":"):gmatch("([^:]*):") do if w ~= "no_consume" then words[#words + 1] = w end end
  local kind = words[1]
  if kind ~= "gpu" and kind ~= "shard" and kind ~= "mps" then return nil end
  local number, last = 1, words[#words]
  if #words > 1 and (last == "" or last:match("^[%d%-%+]")) and not last:match("^%d+g%.%d+gb") then
    local digits, unit = last:match("^(%d+)([kmgtp]?)$")
    if not digits then error("gres " .. item) end
    number = tonumber(digits) * 1024 ^ (unit == "" and 0 or ("kmgtp"):find(unit, 1, true))
    words[#words] = nil
  end
  return {kind = kind, type = table.concat(words, ":", 2), number = number}
end

local function asked(job)
  local found = {}
  for _, per in ipairs({"node", "job", "task", "socket"}) do
    local text = said(job["tres_per_" .. per])
    if text then
      for _, item in ipairs(parts(tostring(text):gsub("%b()", ""))) do
        local one = gres(item)
        if one and one.number > 0 then one.per = per; found[#found + 1] = one end
      end
    end
  end
  return found
end

-- Whether every node must have a feature: `a&b` needs both, `a|b` one; `a*2` says nothing of the other nodes.
local function requires(text, feature)
  local tokens, at = {}, 1
  local rest = tostring(text or ""):gsub("^%s*['\"]?", ""):gsub("['\"]?%s*$", "")
  while rest ~= "" do
    local t = rest:match("^[&|,()%[%]]") or rest:match("^[^&|,()%[%]%s]+")
    if t then tokens[#tokens + 1] = t; rest = rest:sub(#t + 1) else rest = rest:sub(2) end
  end
  local either
  local function term()
    local t = tokens[at]; at = at + 1
    if t == nil then return nil end
    local closing = ({["("] = ")", ["["] = "]"})[t]
    if closing then
      local found = either()
      if found == nil or tokens[at] ~= closing then return nil end
      at = at + 1
      if tokens[at] and tokens[at]:sub(1, 1) == "*" then at = at + 1; return false end
      return found
    end
    if t:match("^[&|,)%]]$") then return nil end
    return t == feature
  end
  local function both()
    local found = term()
    while found ~= nil and tokens[at] == "&" do
      at = at + 1
      local more = term()
      if more == nil then return nil end
      found = found or more
    end
    return found
  end
  either = function()
    local found = both()
    while found ~= nil and (tokens[at] == "|" or tokens[at] == ",") do
      at = at + 1
      local more = both()
      if more == nil then return nil end
      found = found and more
    end
    return found
  end
  local found = either()
  return found == true and tokens[at] == nil
end

local function who(job, user)
  local known = facts.users[user or ""] or {}
  local account = said(job.account) or said(known.account)
  local qos = said(job.qos) or said(known.qos)
  if not account then return nil, nil, "no account" end
  if known.accounts then
    local own = account == known.account
    for _, a in ipairs(known.accounts) do own = own or a == account end
    if not own then return account, nil, "account " .. account .. " is not one of user " .. tostring(user) end
  end
  local label = facts.accounts[account] or rule.missing
  if not label or not rule.rank[label] then return account, nil, "account " .. account .. " has no label of the rule" end
  local raised = rule.qos_raises and qos and facts.qos[qos] or nil
  if raised then
    if not rule.rank[raised] then return account, nil, "QOS " .. qos .. " has no label of the rule" end
    if rule.rank[raised] > rule.rank[label] then label = raised end
  end
  return account, label
end

local function shares(p)
  return (p.oversubscribe or ""):upper():match("^FORCE") ~= nil or (p.preempt or ""):upper():find("SUSPEND", 1, true) ~= nil
end

local function rung(p, job, one)
  if one.kind == "shard" or shares(p) then return SHARED end
  if one.kind == "mps" then return MPS end
  if one.type:match("%d+g%.%d+gb") or p.gpu_is == "mig" then return MIG end
  if p.gpu_is ~= "whole" then return UNKNOWN end
  return (p.cc or requires(said(job.features), "cc")) and CC_WHOLE or WHOLE
end

local function sum(all, per)
  local n = 0
  for _, one in ipairs(all) do if one.kind == "gpu" and one.per == per then n = n + one.number end end
  return n
end

local function all_of_nodes(job, p, all)
  local have, nodes = p.gpus_per_node or 0, said(job.max_nodes) or 0
  local total = math.max(sum(all, "job"), sum(all, "task") * (said(job.num_tasks) or 0))
  return have > 0 and (sum(all, "node") >= have or (nodes > 0 and total >= nodes * have))
end

local function sensitive_in(p, name, job, all, account, label, out)
  local slices, whole = false, false
  for _, one in ipairs(all) do
    local r = rung(p, job, one)
    slices = slices or r == MIG
    whole = whole or r == WHOLE or r == CC_WHOLE
  end
  if slices and rule.mig ~= "anybody" then
    local equal = p.allow_accounts ~= nil and #p.allow_accounts > 0
    for _, a in ipairs(p.allow_accounts or {}) do equal = equal and facts.accounts[a] == label end
    if not equal then out[#out + 1] = "8.3 slices of " .. name .. " are not for accounts of the label " .. label .. " alone" end
  end
  local own = job.shared == 0 or (p.oversubscribe or ""):upper():match("^EXCLUSIVE")
  if whole and (p.island or 0) > 1 and not own and not all_of_nodes(job, p, all) then
    out[#out + 1] = "8.4 a part of the GPUs of an NVLink island of " .. name .. ": ask all of them, or --exclusive"
  end
  if job.shared == 1 then out[#out + 1] = "8.5 --oversubscribe for the label " .. label end
end

local function in_partition(name, job, all, account, label, out)
  local p = facts.partitions[name]
  if not p then
    if (label == nil or rule.sensitive[label] or rule.deny_unknown) and (#all > 0 or label ~= nil) then
      out[#out + 1] = "8.2 partition " .. tostring(name) .. " is not known"
    end
    return
  end
  if #all == 0 then
    if (p.gpus_per_node or 0) > 0 and not p.constrain_devices then
      out[#out + 1] = "8.6 every job of partition " .. name .. " sees all of its devices"
    end
    return
  end
  if p.tenant and p.tenant ~= "" and p.tenant ~= account then out[#out + 1] = "8.2 partition " .. name .. " is another tenant's" end
  if label == nil then return end
  for _, one in ipairs(all) do
    local r = rung(p, job, one)
    if r > rule.least[label] and not (r == UNKNOWN and not rule.sensitive[label] and not rule.deny_unknown) then
      out[#out + 1] = "8.3 " .. one.kind .. " in partition " .. name .. " is " .. NAMES[r] .. ", too little for " .. label
    end
  end
  if rule.sensitive[label] then sensitive_in(p, name, job, all, account, label, out) end
end

local function reserved(job, user, account, label, out)
  for _, name in ipairs(said(job.reservation) and parts(job.reservation) or {}) do
    local r = facts.reservations[name]
    if not r then
      if label == nil or rule.sensitive[label] or rule.deny_unknown then out[#out + 1] = "8.9 reservation " .. name .. " is not known" end
    else
      local mine = #r.accounts == 0 and #r.users == 0
      for _, a in ipairs(r.accounts) do mine = mine or a == account end
      for _, u in ipairs(r.users) do mine = mine or u == user end
      if not mine then out[#out + 1] = "8.9 reservation " .. name .. " is another tenant's" end
    end
  end
end

-- Every reason against a job; none where it is allowed.
local function judge(job, user)
  local out = {}
  local fine, all = pcall(asked, job)
  if not fine then return {"7 " .. tostring(all)} end
  local account, label, why = who(job, user)
  if #all > 0 and label == nil then out[#out + 1] = "1.6 " .. why end
  local names = said(job.partition) and parts(job.partition) or facts.default_partitions
  if #names == 0 then in_partition("", job, all, account, label, out) end
  for _, name in ipairs(names) do in_partition(name, job, all, account, label, out) end
  if #all > 0 then reserved(job, user, account, label, out) end
  return out
end

local function told(out)
  if #out == 0 then return slurm.SUCCESS end
  slurm.log_user("gpu isolation: " .. table.concat(out, "; "))
  slurm.log_info("gpu isolation denied: %s", table.concat(out, "; "))
  return slurm.ERROR
end

local function copy(from, fields)
  local made = {}
  for _, f in ipairs(fields) do
    local fine, v = pcall(function() return from[f] end)
    made[f] = fine and v or nil
  end
  return made
end

local function user_of(one, uid)
  local fine, name = pcall(function() return one.user_name end)
  if fine and said(name) then return name end
  return facts.uids[tostring(uid)] or tostring(uid)
end

function slurm_job_submit(job_desc, part_list, submit_uid)
  return told(judge(copy(job_desc, FIELDS), user_of(job_desc, job_desc.user_id or submit_uid)))
end

-- A change is judged by the job that results; one of comment, name, time limit or priority alone changes nothing here.
function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
  local new, old, looked = copy(job_desc, FIELDS), copy(job_rec, FIELDS), false
  for _, f in ipairs(FIELDS) do
    if said(new[f]) ~= nil then looked = true; old[f] = new[f] end
  end
  if not looked then return slurm.SUCCESS end
  return told(judge(old, user_of(job_rec, job_rec.user_id or modify_uid)))
end

strongroom_judge = judge
return slurm and slurm.SUCCESS
"""
